#include "stage_context.h"

#include <lehr/value.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <functional>

#include "error_sink.h"

namespace lehr::host {
namespace {

using Json = nlohmann::ordered_json;

// Set by a signal handler, read by any thread of the stage.
std::atomic<bool> stop_flag = false;
static_assert(std::atomic<bool>::is_always_lock_free);

lehr_str keep(lehr_context* c, std::string text) {
  const std::lock_guard lock(c->mutex);
  return borrow(c->kept.emplace_back(std::move(text)));
}

// Runs a service that can fail; its reason is kept for the stage's own error. The stage may be C,
// which no exception can cross.
template <class Body>
lehr_status guarded(lehr_context* c, Body body) noexcept {
  try {
    try {
      return body();
    } catch (const std::exception& e) {
      const std::lock_guard lock(c->mutex);
      c->service_failure = e.what();
    } catch (...) {
      const std::lock_guard lock(c->mutex);
      c->service_failure = kCrossed;
    }
  } catch (...) {  // there is no memory for the reason either
  }
  return LEHR_FAILED;
}

// Of one that tells nothing back. What is not part of the result may be lost where memory runs out.
template <class Body>
lehr_status told(lehr_context* c, Body body) noexcept {
  return guarded(c, [&] {
    body();
    return LEHR_OK;
  });
}

template <class Why>
lehr_status refuse(lehr_context* c, Why why) {
  return guarded(c, [&]() -> lehr_status { throw std::runtime_error(why()); });
}

void fail(lehr_context* c, lehr_str message) {
  told(c, [&] {
    const std::lock_guard lock(c->mutex);
    c->failure = view(message);
  });
}

void log(lehr_context* c, int32_t level, lehr_str text) {
  told(c, [&] { c->events.log(level, view(text)); });
}

void progress(lehr_context* c, const lehr_progress* p) {
  told(c, [&] { c->events.progress(p->done, p->total, view(p->unit), view(p->note)); });
}

void metric(lehr_context* c, int64_t step, lehr_str name, double value) {
  told(c, [&] { c->events.metric(step, view(name), value); });
}

void result(lehr_context* c, lehr_str name, double value, uint32_t flags) {
  if (name.size == 0) c->nameless_result = true;
  const lehr_status kept = told(c, [&] {
    const std::lock_guard lock(c->mutex);
    c->results[view(name)] = {value, (flags & LEHR_RESULT_VOLATILE) != 0};
  });
  if (kept != LEHR_OK) c->lost_result = true;
}

int32_t cancelled(lehr_context*) { return stop_requested(); }
const lehr_value* parameters(lehr_context* c) { return c->parameters.root(); }
uint64_t seed(lehr_context* c) { return c->spec.seed; }
uint32_t threads(lehr_context* c) { return c->spec.threads; }
lehr_str device(lehr_context* c) { return borrow(c->spec.device); }
size_t input_count(lehr_context* c) { return c->inputs.size(); }

lehr_status input(lehr_context* c, size_t index, lehr_input* out, size_t out_size) {
  if (index >= c->inputs.size()) return refuse(c, [] { return "there is no such input"; });
  const auto& in = c->inputs[index];
  const lehr_input whole = {borrow(in.port),     borrow(in.label),  borrow(in.artifact.type),
                            borrow(in.path),     borrow(in.digest), borrow(in.facets),
                            lehr_str{nullptr, 0}};
  std::memcpy(out, &whole, std::min(out_size, sizeof whole));
  return LEHR_OK;
}

lehr_status output(lehr_context* c, lehr_str port, lehr_str* path) {
  const auto found = c->outputs.find(view(port));
  if (found == c->outputs.end())
    return refuse(c, [&] { return "there is no output port '" + std::string(view(port)) + "'"; });
  *path = borrow(found->second);
  return LEHR_OK;
}

size_t output_count(lehr_context* c) { return c->description.at("outputs").size(); }

lehr_status output_at(lehr_context* c, size_t index, lehr_output* out, size_t out_size) {
  if (index >= output_count(c)) return refuse(c, [] { return "there is no such output"; });
  const Json& port = c->description.at("outputs")[index];
  const auto& path = *c->outputs.find(port.at("name").get_ref<const std::string&>());
  const lehr_output whole = {borrow(path.first),
                             borrow(port.at("type").get_ref<const std::string&>()),
                             borrow(path.second)};
  std::memcpy(out, &whole, std::min(out_size, sizeof whole));
  return LEHR_OK;
}

lehr_status set_facet(lehr_context* c, lehr_str port, lehr_str name, lehr_str value) {
  if (!c->outputs.contains(view(port)))
    return refuse(c, [&] { return "there is no output port '" + std::string(view(port)) + "'"; });
  return guarded(c, [&] {
    const std::lock_guard lock(c->mutex);
    c->facets_set[std::string(view(port))][std::string(view(name))] = view(value);
    return LEHR_OK;
  });
}

lehr_status state_begin(lehr_context* c, lehr_str* path) {
  return guarded(c, [&] {
    *path = keep(c, c->state.begin().string());
    return LEHR_OK;
  });
}

lehr_status state_commit(lehr_context* c, lehr_str tag, lehr_str keep_tags) {
  return guarded(c, [&] {
    std::vector<std::string> keep_list;
    if (keep_tags.size > 0)
      keep_list = Json::parse(view(keep_tags)).get<std::vector<std::string>>();
    c->state.commit(view(tag), keep_list);
    const std::int64_t commits = ++c->commits;
    if (commits == c->spec.kill_after_commits) ::raise(SIGKILL);
    if (commits == c->spec.stop_after_commits) request_stop();
    return LEHR_OK;
  });
}

lehr_status state_latest(lehr_context* c, lehr_str* tag, lehr_str* path) {
  return guarded(c, [&] {
    const auto state = c->state.latest();
    if (!state) return LEHR_FAILED;
    *tag = keep(c, state->tag);
    *path = keep(c, state->path.string());
    return LEHR_OK;
  });
}

lehr_status state_find(lehr_context* c, lehr_str tag, lehr_str* path) {
  return guarded(c, [&] {
    const auto state = c->state.find(view(tag));
    if (!state) return LEHR_FAILED;
    *path = keep(c, state->path.string());
    return LEHR_OK;
  });
}

lehr_status open_step(lehr_context* c, lehr_str parameter, size_t index, const lehr_step** step,
                      void** instance) {
  return guarded(c, [&] {
    const auto found = c->steps.find(view(parameter));
    if (found == c->steps.end() || index >= found->second.size())
      throw std::runtime_error("'" + std::string(view(parameter)) + "' has no document step " +
                               std::to_string(index));
    const auto& wanted = found->second[index];
    ErrorSink message;
    if (wanted.table->create(wanted.values, message.sink(), instance) != LEHR_OK)
      throw std::runtime_error("document step '" + wanted.name + "': " + message.text());
    *step = wanted.table;
    return LEHR_OK;
  });
}

lehr_status score(lehr_context* c, lehr_str parameter, size_t index, const lehr_exchange* exchanges,
                  size_t count, size_t stride, double* scores) {
  return guarded(c, [&] {
    const auto found = c->rewards.find(view(parameter));
    if (found == c->rewards.end() || index >= found->second.size())
      throw std::runtime_error("'" + std::string(view(parameter)) + "' has no reward " +
                               std::to_string(index));
    try {
      found->second[index]->score(exchanges, count, stride, scores);
    } catch (const RewardGivenUp&) {
      c->gave_up_reward = true;
      throw;
    }
    return LEHR_OK;
  });
}

// Calls visit(path, type, values) for every parameter, "data.steps" for a nested one.
void for_each_parameter(
    const Json& parameters, const Json& values, const std::string& prefix,
    const std::function<void(const std::string&, const std::string&, const Json&)>& visit) {
  for (const Json& parameter : parameters) {
    const std::string name = parameter.value("name", ""), type = parameter.value("type", "");
    if (!values.is_object() || !values.contains(name)) continue;
    visit(prefix + name, type, values[name]);
    if (parameter.contains("fields"))
      for_each_parameter(parameter["fields"], values[name], prefix + name + ".", visit);
  }
}

}  // namespace

bool stop_requested() { return stop_flag.load(std::memory_order_relaxed); }
void request_stop() { stop_flag.store(true, std::memory_order_relaxed); }

const lehr_host* bare_services() {
  static lehr_host host{};
  host.size = sizeof host;
  host.abi = LEHR_ABI_VERSION;
  host.version = borrow(LEHR_VERSION);
  host.refuse = hear_refusal;
  return &host;
}

const lehr_host* stage_services() {
  static const lehr_host host{sizeof(lehr_host),
                              LEHR_ABI_VERSION,
                              borrow(LEHR_VERSION),
                              fail,
                              log,
                              progress,
                              metric,
                              result,
                              cancelled,
                              parameters,
                              seed,
                              threads,
                              device,
                              input_count,
                              input,
                              output,
                              set_facet,
                              state_begin,
                              state_commit,
                              state_latest,
                              state_find,
                              open_step,
                              score,
                              output_count,
                              output_at,
                              hear_refusal};
  return &host;
}

}  // namespace lehr::host

using namespace lehr::host;

lehr_context::lehr_context(const lehr::runtime::StageSpec& stage, const Json& of_stage,
                           EventPipe& pipe, DurableState& durable)
    : spec(stage),
      description(of_stage),
      events(pipe),
      state(durable),
      parameters(stage.parameters, of_stage.at("parameters")) {
  for (const Json& port : description.at("outputs")) {
    const std::string name = port.at("name");
    outputs[name] = state.output(name).string();
  }
}

void lehr_context::open_items(const PluginLibrary& own) {
  const std::string own_name = spec.full_name.substr(0, spec.full_name.find('.'));
  const auto plugin_path = [&](const std::string& plugin) {
    const auto found = spec.item_plugins.find(plugin);
    if (found != spec.item_plugins.end()) return found->second;
    if (plugin == own_name) return spec.plugin;
    throw LoadError("plugin '" + plugin + "' is not known to this stage");
  };
  const auto library = [&](const std::string& plugin) -> const PluginLibrary& {
    const auto path = plugin_path(plugin);
    if (path == own.path()) return own;
    auto& slot = libraries[plugin];
    if (!slot) {
      slot = std::make_unique<PluginLibrary>(path, stage_services(), spec.planned_code(plugin));
      slot->check_manifest();
    }
    return *slot;
  };
  for_each_parameter(
      description.at("parameters"), spec.parameters, "",
      [&](const std::string& path, const std::string& type, const Json& entries) {
        if ((type != "steps" && type != "rewards") || !entries.is_array()) return;
        for (const Json& entry : entries) {
          const std::string name = entry.at("name");
          const std::string plugin = name.substr(0, name.find('.')),
                            item = name.substr(name.find('.') + 1);
          const Json with = entry.contains("with") ? entry["with"] : Json::object();
          if (type == "rewards") {
            rewards[path].push_back(std::make_unique<RewardProcess>(
                name, plugin_path(plugin), spec.planned_code(plugin), with));
            continue;
          }
          const PluginLibrary& from = library(plugin);
          const lehr_step* table = from.step(item);
          if (table == nullptr)
            throw LoadError(from.path().string() + ": it has no document step '" + item + "'");
          const Json declared = from.item_description("steps", item);
          step_values.emplace_back(with, declared.at("parameters"));
          steps[path].push_back({table, step_values.back().root(), name});
        }
      });
}
