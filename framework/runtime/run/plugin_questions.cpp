#include "runtime/run/plugin_questions.h"

#include <poll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <deque>
#include <limits>
#include <utility>

#include "runtime/run/stage_process.h"

namespace lehr::runtime {
namespace {

using Json = nlohmann::ordered_json;

constexpr double kLongestPollMs = 100;  // how often the clock is asked

}  // namespace

// One plugin, the process that it answers in, and what it has still to answer.
class PluginHosts::Interview {
 public:
  Interview(const std::filesystem::path& host, const std::filesystem::path& plugin,
            const std::string& code, std::chrono::milliseconds patience, AwakeClock& clock)
      : host_(host),
        patience_(patience),
        clock_(clock),
        opening_(Json({{"plugin", plugin.string()}, {"code", code}}).dump() + "\n") {
    start();
  }

  // Both are borrowed until it is done.
  void add(const Json& question, PluginAnswer& answer) { open_.emplace_back(&question, &answer); }
  bool done() const { return open_.empty(); }
  bool loading() const { return loading_; }
  void kill() {
    if (process_) process_->kill();
  }

  // What to wait for while it loads or has questions, and until when.
  std::array<pollfd, 3> watched() const {
    // A closed pipe is always readable; the exit alone is waited for then.
    return {{{closed_ ? -1 : process_->events_fd(), POLLIN, 0},
             {closed_ ? -1 : process_->output_fd(), POLLIN, 0},
             {process_->exit_fd(), POLLIN, 0}}};
  }
  double deadline() const { return deadline_; }  // by the clock

  // seen: what became of those that were watched.
  void look(const pollfd* seen) {
    const std::size_t before = open_.size();
    closed_ = closed_ || ((seen[0].revents | seen[1].revents) & POLLHUP) != 0;
    read();
    if (seen[2].revents != 0) {
      const std::string ending = end();
      if (open_.size() == before) died(ending);
    } else if ((loading_ || open_.size() == before) && clock_.seconds() >= deadline_) {
      process_.reset();
      died("did not answer within " + std::to_string(patience_.count() / 1000) + " s");
    }
  }

  // The first that is open, if it has not been. The process answers one at a time, so that neither
  // side ever waits for the other to read.
  void send() {
    if (done() || asked_) return;
    if (process_ && process_->has_ended()) end();
    if (!failed_.empty()) return refuse_all();
    if (!process_) start();
    loading_ = false;  // after a crash there is no waiting for it
    process_->send(open_.front().first->dump() + "\n", patience_);
    asked_ = true;
    deadline_ = clock_.seconds() + std::chrono::duration<double>(patience_).count();
  }

 private:
  void start() {
    closed_ = asked_ = false;
    loading_ = true;
    process_ = std::make_unique<StageProcess>(host_, "--check");
    process_->send(opening_, patience_);
    deadline_ = clock_.seconds() + std::chrono::duration<double>(patience_).count();
  }

  std::string end() {
    const auto ending = process_->collect();
    read();
    process_.reset();
    return ending.text();
  }

  void read() {
    if (!process_) return;
    process_->read(
        [&](const Json& event) {
          if (event["event"] == "loaded") {
            loading_ = false;
          } else if (event["event"] == "failed") {
            failed_ = event.value("message", "it gave no reason");
            refuse_all();
          } else if (event["event"] == "answer" && asked_) {
            take({event.value("error", ""), false, event.value("estimate", Json()),
                  event.value("outputs", Json())});
          }
        },
        [](const std::string&) {});
  }

  void take(PluginAnswer answer) {
    asked_ = false;
    *open_.front().second = std::move(answer);
    open_.pop_front();
  }
  void died(const std::string& how) {
    if (!loading_) return take({"its process " + how, true, nullptr, nullptr});
    if (failed_.empty()) failed_ = "its process " + how;
    refuse_all();
  }
  // It does not load, which is true of all questions.
  void refuse_all() {
    loading_ = false;
    for (const auto& [question, answer] : std::exchange(open_, {}))
      *answer = {failed_, true, nullptr, nullptr};
  }

  const std::filesystem::path host_;
  const std::chrono::milliseconds patience_;
  AwakeClock& clock_;
  const std::string opening_;
  std::deque<std::pair<const Json*, PluginAnswer*>> open_;
  bool asked_ = false;  // the first of them
  bool loading_ = false;
  bool closed_ = false;
  std::string failed_;  // why it does not load
  double deadline_ = 0;
  std::unique_ptr<StageProcess> process_;
};

PluginHosts::PluginHosts(std::filesystem::path host, std::chrono::milliseconds patience)
    : host_(std::move(host)), patience_(patience) {}

PluginHosts::~PluginHosts() {  // all at once: the end of each takes a while
  for (const auto& [plugin, interview] : interviews_) interview->kill();
}

void PluginHosts::start(const std::filesystem::path& plugin, const std::string& code) {
  if (auto& interview = interviews_[plugin]; !interview)
    interview = std::make_unique<Interview>(host_, plugin, code, patience_, clock_);
}

// Until there is nothing to wait for.
void PluginHosts::listen(bool loading) {
  while (true) {
    std::vector<Interview*> open;
    std::vector<pollfd> watched;
    double until = std::numeric_limits<double>::max();
    for (const auto& [plugin, interview] : interviews_) {
      if (!loading) interview->send();
      if (loading ? !interview->loading() : interview->done()) continue;
      open.push_back(interview.get());
      for (const pollfd& one : interview->watched()) watched.push_back(one);
      until = std::min(until, interview->deadline());
    }
    if (open.empty()) return;
    const double left_ms = std::clamp(1e3 * (until - clock_.seconds()), 0.0, kLongestPollMs);
    ::poll(watched.data(), watched.size(), static_cast<int>(std::ceil(left_ms)));
    for (std::size_t i = 0; i < open.size(); ++i) open[i]->look(&watched[3 * i]);
  }
}

std::vector<PluginAnswer> PluginHosts::ask(const std::vector<PluginQuestion>& questions) {
  std::vector<PluginAnswer> answers(questions.size());
  for (const PluginQuestion& question : questions) start(question.plugin, question.code);
  for (std::size_t i = 0; i < questions.size(); ++i)
    interviews_.at(questions[i].plugin)->add(questions[i].json, answers[i]);
  listen(true);  // an estimate may measure how fast the machine is, and others' loading is work
  listen(false);
  return answers;
}

}  // namespace lehr::runtime
