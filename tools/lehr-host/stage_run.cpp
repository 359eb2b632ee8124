#include "stage_run.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <set>
#include <thread>

#include "error_sink.h"
#include "facets.h"
#include "publication.h"
#include "runtime/plugin/described.h"
#include "runtime/store/lease.h"
#include "stage_context.h"

namespace lehr::host {
namespace fs = std::filesystem;
using runtime::ArtifactStore;
using runtime::Lease;
using runtime::StageSpec;
using Json = nlohmann::ordered_json;
namespace {

// A stage is not started with less: its first checkpoint would fail.
constexpr std::uint64_t kLeastFreeBytes = 64u << 20;
constexpr auto kLeaseProbe = std::chrono::milliseconds(50);

int failed(EventPipe& events, const std::string& message, int code = runtime::kExitFailed) {
  events.send({{"event", "failed"}, {"message", message}});
  return code;
}

int stopped(EventPipe& events) {
  events.send({{"event", "cancelled"}});
  return runtime::kExitResumable;
}

int finished(EventPipe& events, bool taken, double seconds) {
  events.send({{"event", "finished"}, {"taken", taken}, {"seconds", seconds}});
  return runtime::kExitOk;
}

// nullopt: asked to stop while another run was computing the same stage.
std::optional<Lease> take_lease(const ArtifactStore& store, const StageSpec& spec,
                                EventPipe& events) {
  bool told = false;
  while (!stop_requested()) {
    if (auto lease = Lease::try_take(store.work_path(spec.key), spec.spare_work)) {
      if (told) events.phase("starting");
      return lease;
    }
    if (!told) events.send({{"event", "waiting"}});
    told = true;
    std::this_thread::sleep_for(kLeaseProbe);
  }
  return std::nullopt;
}

// Why the stage is not started where there is so little room; empty: there is enough.
std::string why_too_full(const StageSpec& spec, const ArtifactStore& store) {
  std::uint64_t wanted = spec.disk_bytes;  // less what is there from an attempt before
  if (wanted > 0) wanted -= std::min(wanted, runtime::tree_bytes(store.work_path(spec.key)));
  const std::uint64_t free = store.free_bytes();
  if (free >= std::max(wanted, kLeastFreeBytes)) return "";
  const auto mebibytes = [](std::uint64_t bytes) { return std::to_string(bytes >> 20) + " MiB"; };
  return (wanted > kLeastFreeBytes
              ? "it needs " + mebibytes(wanted) + " of disk, as its plugin estimates, and only "
              : "only ") +
         mebibytes(free) + " are free where the store is ('" + store.root().string() +
         "'). Make room, or choose another place with --store";
}

// The stage's description with the outputs that the pipeline declares in place of "*", and with the
// values of parameters in place of facets that are bound to them.
Json as_planned(Json description, const StageSpec& spec) {
  Json outputs = Json::array();
  for (const Json& port : description.at("outputs"))
    if (port.at("name") != "*") outputs.push_back(port);
  for (const auto& [port, type] : spec.declared_outputs)
    outputs.push_back({{"name", port}, {"type", type}});
  description["outputs"] = std::move(outputs);
  for (const char* side : {"inputs", "outputs"})
    for (Json& port : description[side])
      if (port.contains("facets"))
        port["facets"] = runtime::described::facets(port, spec.parameters);
  return description;
}

void bind_inputs(lehr_context& context, const ArtifactStore& store) {
  std::vector<BoundInput> bound;
  for (const auto& in : context.spec.inputs) {
    if (in.check) store.check_content(in.digest, context.spec.threads);
    auto artifact = store.artifact(in.digest);
    bound.push_back({in.port, in.from, in.digest, artifact.facets});
    const std::string facets = Json(artifact.facets).dump();
    context.inputs.push_back({in.port, in.label, in.digest, store.artifact_path(in.digest).string(),
                              facets, std::move(artifact)});
  }
  SymbolTable(context.description.at("inputs"), bound);  // throws if they do not fit together
}

// What the stage said, with the reason of the service that failed before, if it is not in there.
std::string failure_text(lehr_context& context) {
  const std::lock_guard lock(context.mutex);
  if (context.failure.empty())
    return context.service_failure.empty() ? "it gave no reason" : context.service_failure;
  if (context.service_failure.empty() ||
      context.failure.find(context.service_failure) != std::string::npos)
    return context.failure;
  return context.failure + ": " + context.service_failure;
}

// What this process has open, as /proc names it, but for the listing itself.
std::multiset<std::string> open_descriptors() {
  std::multiset<std::string> out;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/proc/self/fd", error)) {
    const fs::path target = fs::read_symlink(entry.path(), error);
    if (!error && !target.string().ends_with("/fd")) out.insert(target.string());
  }
  return out;
}

void tell_leaks(const std::multiset<std::string>& before, EventPipe& events) {
  const std::multiset<std::string> after = open_descriptors();
  std::vector<std::string> leaked;
  std::set_difference(after.begin(), after.end(), before.begin(), before.end(),
                      std::back_inserter(leaked));
  events.send({{"event", "descriptors"}, {"leaked", leaked}});
}

lehr_status call_stage(const lehr_stage& stage, lehr_context& context) try {
  ErrorSink error;
  if (stage.check != nullptr && stage.check(context.parameters.root(), error.sink()) != LEHR_OK) {
    context.failure = error.text();
    return LEHR_FAILED;
  }
  return stage.run(&context, stage_services());
} catch (const std::exception& e) {
  context.failure = std::string(kCrossed) + ": " + e.what();
  return LEHR_FAILED;
} catch (...) {
  context.failure = kCrossed;
  return LEHR_FAILED;
}

// Once there is a result: the folder is passed on, with the folders in it that every stage has, or
// goes, where the spare one was not needed: an attempt before had left this one.
void leave_work(const StageSpec& spec, const fs::path& work) {
  if (::chdir("/") != 0) return;
  if (spec.spare_work.empty() || fs::exists(spec.spare_work)) return runtime::remove_tree(work);
  for (const auto& entry : fs::directory_iterator(work)) {
    const fs::path name = entry.path().filename();
    if (name == "out" || name == "scratch")
      runtime::empty_folder(entry.path());
    else if (name != "lease")
      runtime::remove_tree(entry.path());
  }
  runtime::rename_path(work, spec.spare_work);
}

int run_with_lease(const StageSpec& spec, const ArtifactStore& store, EventPipe& events) {
  if (!spec.force) {
    if (const auto result = store.find_result(spec.key)) return finished(events, true, 0);
    if (store.finish_publication(store.work_path(spec.key) / "out", spec.key))
      return finished(events, false, 0);
  }

  const std::string name = spec.full_name.substr(0, spec.full_name.find('.'));
  const PluginLibrary plugin(spec.plugin, stage_services(), spec.planned_code(name));
  plugin.check_manifest();
  const lehr_stage* stage = plugin.stage(spec.stage);
  if (stage == nullptr)
    throw LoadError(spec.plugin.string() + ": it has no stage '" + spec.stage + "'");
  if (const std::string why = why_too_full(spec, store); !why.empty()) return failed(events, why);

  const fs::path work = store.work_path(spec.key);
  DurableState state(work);
  lehr_context context(spec, as_planned(plugin.item_description("stages", spec.stage), spec),
                       events, state);
  events.phase("checking inputs");
  bind_inputs(context, store);
  std::vector<std::string> ports;
  for (const auto& [port, path] : context.outputs) ports.push_back(port);
  if (const auto resumed =
          state.resume(ports, [&](const std::string& text) { events.log(LEHR_WARNING, text); }))
    events.send({{"event", "resumed"}, {"tag", resumed->tag}});
  runtime::make_folders(work / "scratch");
  if (::chdir((work / "scratch").c_str()) != 0)
    throw runtime::IoError("cannot enter", work / "scratch", errno);
  context.open_items(plugin);

  events.phase("running");
  std::multiset<std::string> descriptors;
  if (spec.watch_descriptors) descriptors = open_descriptors();
  if (spec.stop_after_commits == 0) request_stop();
  const lehr_status status = call_stage(*stage, context);
  if (spec.watch_descriptors) tell_leaks(descriptors, events);
  const double seconds = state.seconds();
  context.rewards.clear();
  // Without a reward's scores no result is the stage's own, whatever it says.
  if (context.gave_up_reward || (status == LEHR_CANCELLED && stop_requested()))
    return stopped(events);
  if (status == LEHR_CANCELLED) return failed(events, "it stopped although nobody asked it to");
  if (status != LEHR_OK) return failed(events, failure_text(context));
  if (context.nameless_result)
    return failed(events, "it gave a result without a name: name what the number is");
  if (context.lost_result) return failed(events, "memory ran out for one of its results");

  events.phase("publishing");
  publish_outputs(context, store, seconds);
  return finished(events, false, seconds);
}

}  // namespace

int run_stage(const StageSpec& spec, EventPipe& events) try {
  events.send({{"event", "started"}, {"pid", ::getpid()}});
  const ArtifactStore store(spec.store);
  const auto lease = take_lease(store, spec, events);
  if (!lease) return stopped(events);
  const int code = run_with_lease(spec, store, events);
  if (code == runtime::kExitOk) {
    try {
      leave_work(spec, store.work_path(spec.key));
    } catch (const std::exception& e) {  // the result is there; gc takes the rest
      events.log(LEHR_WARNING, e.what());
    }
  }
  return code;
} catch (const RewardGivenUp&) {
  return stopped(events);
} catch (const LoadError& e) {
  return failed(events, e.what(), runtime::kExitPlugin);
} catch (const std::exception& e) {
  return failed(events, e.what());
}

}  // namespace lehr::host
