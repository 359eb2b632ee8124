#include "runtime/run/plugin_questions.h"

#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <map>
#include <memory>

#include "runtime/run/stage_process.h"

namespace lehr::runtime {
namespace {

using Json = nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;

// A file in memory that the child reads through /proc.
FileDescriptor file_in_memory(const std::string& text) {
  FileDescriptor fd(::memfd_create("questions", MFD_CLOEXEC));
  if (!fd) throw IoError("cannot make", "a file in memory", errno);
  write_all(fd.get(), text, "questions");
  return fd;
}

// The questions to one plugin, and the process that is answering them.
class Interview {
 public:
  Interview(const std::vector<PluginQuestion>& questions, std::vector<std::size_t> numbers,
            const std::filesystem::path& host, std::vector<PluginAnswer>& answers)
      : questions_(questions), numbers_(std::move(numbers)), host_(host), answers_(answers) {
    start();
  }

  bool done() const { return next_ == numbers_.size(); }

  // Waits for what comes next, at most `patience`.
  void listen(std::chrono::milliseconds patience) {
    const auto until = Clock::now() + patience;
    const std::size_t before = next_;
    while (!done() && next_ == before) {
      const auto left =
          std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now()).count();
      pollfd fds[] = {{process_->events_fd(), POLLIN, 0},
                      {process_->output_fd(), POLLIN, 0},
                      {process_->exit_fd(), POLLIN, 0}};
      // A closed pipe is always readable; the exit alone is waited for then.
      const int ready =
          left > 0 ? ::poll(closed_ ? fds + 2 : fds, closed_ ? 1 : 3, static_cast<int>(left)) : 0;
      if (ready == 0) {
        process_->kill();
        return died("did not answer within " + std::to_string(patience.count() / 1000) + " s");
      }
      closed_ = closed_ || (fds[0].revents & POLLHUP) || (fds[1].revents & POLLHUP);
      read();
      if (fds[2].revents == 0) continue;
      const auto ending = process_->collect();
      read();
      if (!done() && next_ == before)
        died(ending.text());
      else if (!done())
        start();
      return;
    }
  }

 private:
  void start() {
    process_.reset();
    Json list = Json::array();
    for (std::size_t i = next_; i < numbers_.size(); ++i)
      list.push_back(questions_[numbers_[i]].json);
    const PluginQuestion& first = questions_[numbers_[0]];
    request_ = file_in_memory(
        Json({{"plugin", first.plugin.string()}, {"code", first.code}, {"questions", list}})
            .dump());
    closed_ = false;
    process_ = std::make_unique<StageProcess>(
        host_, "--check",
        "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(request_.get()));
  }

  void read() {
    process_->read(
        [&](const Json& event) {
          if (event["event"] == "failed") {  // it does not load: true of all questions
            while (!done()) take({event.value("message", ""), true, nullptr, nullptr});
          } else if (event["event"] == "answer" && !done()) {
            take({event.value("error", ""), false, event.value("estimate", Json()),
                  event.value("outputs", Json())});
          }
        },
        [](const std::string&) {});
  }

  void take(PluginAnswer answer) { answers_[numbers_[next_++]] = std::move(answer); }

  void died(const std::string& how) {
    take({"its process " + how, true, nullptr, nullptr});
    if (!done()) start();
  }

  const std::vector<PluginQuestion>& questions_;
  const std::vector<std::size_t> numbers_;
  const std::filesystem::path host_;
  std::vector<PluginAnswer>& answers_;
  std::size_t next_ = 0;
  bool closed_ = false;
  FileDescriptor request_;
  std::unique_ptr<StageProcess> process_;
};

}  // namespace

std::vector<PluginAnswer> ask_plugins(const std::vector<PluginQuestion>& questions,
                                      const std::filesystem::path& host,
                                      std::chrono::milliseconds patience) {
  std::vector<PluginAnswer> answers(questions.size());
  std::map<std::filesystem::path, std::vector<std::size_t>> by_plugin;
  for (std::size_t i = 0; i < questions.size(); ++i) by_plugin[questions[i].plugin].push_back(i);
  std::vector<std::unique_ptr<Interview>> interviews;  // all at once: most of it is loading
  for (auto& [plugin, numbers] : by_plugin)
    interviews.push_back(std::make_unique<Interview>(questions, std::move(numbers), host, answers));
  for (const auto& interview : interviews)
    while (!interview->done()) interview->listen(patience);
  return answers;
}

}  // namespace lehr::runtime
