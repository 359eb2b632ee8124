#include "runtime/run/stage_attempt.h"

#include <csignal>
#include <utility>

#include "runtime/run/human_text.h"
#include "runtime/run/steady_seconds.h"
#include "text/whole_number.h"

namespace lehr::runtime {
using Json = nlohmann::ordered_json;
namespace {

constexpr std::size_t kLastLines = 12;  // of a failed stage's output, shown with its error

// Whose code its process runs: "'filter' (filter.so) with steps or rewards of 'acme' (acme.so)".
std::string plugins_of(const StageSpec& spec) {
  const auto named = [](const std::string& name, const std::filesystem::path& path) {
    return "'" + name + "' (" + path.string() + ")";
  };
  const std::string own = spec.full_name.substr(0, spec.full_name.find('.'));
  std::string out = named(own, spec.plugin);
  const char* between = " with steps or rewards of ";
  for (const auto& [name, path] : spec.item_plugins) {
    if (name == own) continue;
    out += std::exchange(between, ", ") + named(name, path);
  }
  return out;
}

}  // namespace

StageAttempt::StageAttempt(const StageSpec& spec, TimeLimit limit,
                           std::unique_ptr<StageProcess> host, RunJournal& journal)
    : id_(spec.stage_id),
      plugin_(plugins_of(spec)),
      spec_(spec.to_json().dump()),
      has_micro_batch_(spec.parameters.contains("micro_batch_tokens")),
      journal_(journal),
      limit_(std::move(limit)),
      begin_(steady_seconds()),
      limit_begin_(clock_.seconds()),
      process_(std::move(host)) {
  process_->give(spec_);
}

double StageAttempt::seconds() const { return steady_seconds() - begin_; }

void StageAttempt::watch_time() {
  const double spent = clock_.seconds() - limit_begin_;
  if (limit_.seconds == 0 || waits_) return;
  if (!timed_out_ && spent > limit_.seconds) {
    timed_out_ = true;
    ask_to_stop();
    journal_.tell(id_, "stage_timeout",
                  {{"seconds", limit_.seconds}, {"grace", limit_.grace_seconds}});
  }
  if (!killed_ && spent > limit_.seconds + limit_.grace_seconds) {
    killed_ = true;
    kill();
  }
}

void StageAttempt::add_to(std::vector<pollfd>& fds) const {
  // A closed pipe is always readable: look at the exit only, so as not to spin.
  fds.push_back({hung_up_ ? -1 : process_->events_fd(), POLLIN, 0});
  fds.push_back({hung_up_ ? -1 : process_->output_fd(), POLLIN, 0});
  fds.push_back({process_->exit_fd(), POLLIN, 0});
}

void StageAttempt::listen(const pollfd* polled) {
  read();
  for (const pollfd* pipe = polled; pipe < polled + 2; ++pipe)
    hung_up_ = hung_up_ || ((pipe->revents & POLLHUP) && !(pipe->revents & POLLIN));
}

void StageAttempt::read() {
  process_->read([&](const Json& event) { host_event(event); },
                 [&](const std::string& line) {
                   journal_.log().log(id_, line);
                   last_lines_.push_back(line);
                   if (last_lines_.size() > kLastLines) last_lines_.pop_front();
                 });
}

void StageAttempt::host_event(const Json& event) {
  const std::string kind = event["event"];
  if (std::exchange(waits_, kind == "waiting")) limit_begin_ = clock_.seconds();
  if (kind == "failed") {
    failure_ = event.value("message", "");
  } else if (kind == "cancelled") {
    cancelled_ = true;
  } else if (kind == "finished") {
    finished_ = true;
    taken_ = event.value("taken", false);
  } else {
    if (kind == "metric") record_metric(event);
    if (kind == "log")
      journal_.log().log(id_, event.value("level", "") + ": " + event.value("text", ""));
    journal_.tell(id_, kind.c_str(), event);
  }
}

void StageAttempt::record_metric(const Json& event) {
  const Json given = event.value("value", Json());
  const double value =
      given.is_number() ? given.get<double>() : not_finite(event.value("text", ""));
  journal_.log().metric(id_, text::whole_number<std::int64_t>(event, "step", 0),
                        event.value("name", "?"), value);
}

StageAttempt::Verdict StageAttempt::end() {
  const StageProcess::Ending ending = process_->collect();
  read();
  Verdict out = verdict(ending);
  if (out.kind != Verdict::Kind::failed) return out;
  try {
    const auto folder = journal_.log().stage_folder(id_);
    make_folders(folder);
    write_file_atomically(folder / "spec.json", spec_ + "\n");
  } catch (const IoError&) {  // there is worse to tell
  }
  return out;
}

StageAttempt::Verdict StageAttempt::verdict(const StageProcess::Ending& ending) {
  using Kind = Verdict::Kind;
  if (finished_ && ending.signal == 0 && ending.code == kExitOk)
    return {taken_ ? Kind::taken : Kind::finished, "", false, {}};
  if (timed_out_) {
    Verdict out;
    out.message = "it was not done within its timeout of " + duration_text(limit_.seconds) + " (" +
                  limit_.where + ")" +
                  (killed_ ? ", did not stop within " + duration_text(limit_.grace_seconds) +
                                 " when asked and was killed"
                           : " and was stopped");
    out.cut_off = true;
    out.last_lines.assign(last_lines_.begin(), last_lines_.end());
    return out;
  }
  // Asked in the moment in which it began, the host dies of it: then there is nothing to save yet.
  if ((cancelled_ && ending.signal == 0 && ending.code == kExitResumable) ||
      (asked_ && ending.signal == SIGTERM))
    return {Kind::stopped, "", false, {}};
  Verdict out;
  out.message = failure_;
  out.cannot_load = !failure_.empty() && ending.code == kExitPlugin;
  if (failure_.empty())
    out.message =
        "the process of plugin " + plugin_ + " " + ending.text() + " before the stage was finished";
  if (failure_.empty() && ending.signal == SIGKILL) {
    out.cut_off = true;
    out.message += std::string(". The kernel does so when memory runs out: ") +
                   (has_micro_batch_ ? "a lower micro_batch_tokens takes less of it, and " : "") +
                   "'resources: {memory: ...}' lets less run beside it";
  }
  out.last_lines.assign(last_lines_.begin(), last_lines_.end());
  return out;
}

}  // namespace lehr::runtime
