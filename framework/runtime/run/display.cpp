#include "runtime/run/display.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <utility>
#include <vector>

#include "runtime/run/awake_clock.h"
#include "runtime/run/human_text.h"
#include "runtime/run/stage_progress.h"

namespace lehr::runtime {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kMostWaiting = 1 << 16;  // bytes that were told and not shown yet

// A descriptor that is written to for as long as that is possible; then standard error is told why
// it is not.
class Output {
 public:
  explicit Output(int fd) : fd_(fd) {}
  void write(std::string_view text) {
    while (!is_lost_ && !text.empty()) {
      const ssize_t n = ::write(fd_, text.data(), text.size());
      pollfd ready = {fd_, POLLOUT, 0};
      if (n > 0)
        text.remove_prefix(static_cast<std::size_t>(n));
      else if (n < 0 && errno == EAGAIN)  // somebody has made it so
        ::poll(&ready, 1, -1);
      else if (n == 0 || errno != EINTR)
        lose(n == 0 ? EIO : errno);
    }
  }
  int fd() const { return fd_; }
  bool is_lost() const { return is_lost_; }

 private:
  void lose(int error) {
    is_lost_ = true;
    const std::string why =
        std::string("lehr: the output could not be written: ") + std::strerror(error) + "\n";
    if (::write(STDERR_FILENO, why.data(), why.size()) < 0) return;  // then nobody is told
  }

  int fd_;
  bool is_lost_ = false;
};

// Lines that are written when there is time for it: a thousand cached stages are told in a burst.
class Lines {
 public:
  explicit Lines(int fd) : out_(fd) {}
  Lines(const Lines&) = delete;
  Lines& operator=(const Lines&) = delete;
  ~Lines() { flush(); }
  void add(std::string_view line) {
    waiting_ += line;
    if (waiting_.size() > kMostWaiting) flush();
  }
  void flush() {
    if (!waiting_.empty()) out_.write(std::exchange(waiting_, {}));
  }
  bool is_lost() const { return out_.is_lost(); }

 private:
  Output out_;
  std::string waiting_;
};

// "eval/loss 2.31, eval/accuracy 0.70": the first few that are no timings.
std::string results_text(const Json& results) {
  std::string out;
  int shown = 0;
  for (const auto& [name, result] : results.items()) {
    if (result.value("volatile", false) || !result.at("value").is_number()) continue;
    if (++shown > 3) return out + ", ...";
    out += (out.empty() ? "" : ", ") + name + " " + number_text(result["value"]);
  }
  return out;
}

// What a person is told for an event, without the stage's name in front; empty: nothing.
std::string told(const Json& event) {
  const std::string kind = event.at("event");
  const auto text = [&](const char* member) { return event.at(member).get<std::string>(); };
  if (kind == "log")
    return text("level") == "debug"
               ? ""
               : (text("level") == "warning" ? "warning: " : "") + text("text");
  if (kind == "resumed") return "going on from checkpoint '" + text("tag") + "'";
  if (kind == "waiting") return "waiting: the same is being computed already";
  if (kind == "stage_finished") {
    std::string out = event.contains("made_as") ? "taken from '" + text("made_as") + "'"
                      : event.at("taken").get<bool>()
                          ? "taken from another run"
                          : "done in " + duration_text(event.at("seconds"));
    const std::string results = results_text(event.at("results"));
    return results.empty() ? out : out + ": " + results;
  }
  if (kind == "stage_stopped") return "stopped; the next run goes on from its last checkpoint";
  if (kind == "stage_skipped") return "skipped: " + text("reason");
  if (kind == "stage_timeout")
    return "timeout of " + duration_text(event.at("seconds")) + ": asked to stop";
  if (kind == "stage_blocked") return "not run, because of '" + text("by") + "'";
  if (kind == "stage_failed" || kind == "stage_retry") {
    std::string out = "failed: " + text("message");
    if (kind == "stage_retry")
      out += "\n    trying again in " + duration_text(event.at("seconds")) + " (attempt " +
             std::to_string(event.at("attempt").get<int>()) + " of " +
             std::to_string(event.at("of").get<int>()) + ")";
    for (const Json& line : event.at("log")) out += "\n    | " + line.get<std::string>();
    return out;
  }
  if (kind == "gate" && !event.at("passed").get<bool>()) {
    if (event.contains("message")) return "gate failed: " + text("message");
    return "gate failed: " + text("metric") + " is " + number_text(event.at("value")) +
           ", required " + text("limit") +
           (text("where").empty() ? "" : " (" + text("where") + ")");
  }
  return "";
}

// The same for events that belong to no stage.
std::string told_of_run(const Json& event) {
  const std::string kind = event.at("event");
  if (kind == "stopping")
    return "stopping" +
           (event.contains("reason") ? ", as " + event["reason"].get<std::string>() : "") +
           ": stages save their state (again: stop at once)";
  if (kind == "output_failed")
    return "output " + event.at("name").get<std::string>() + ": " +
           event.at("message").get<std::string>();
  if (kind == "output_kept")
    return "output " + event.at("name").get<std::string>() + ": '" +
           event.at("stage_skipped").get<std::string>() + "' was skipped; " +
           event.at("path").get<std::string>() + " is an earlier run's";
  if (kind == "output")
    return "output " + event.at("name").get<std::string>() + ": " +
           event.at("path").get<std::string>() +
           (event.at("changed").get<bool>() ? "" : " (unchanged)");
  return "";
}

class PlainDisplay : public Display {
 public:
  explicit PlainDisplay(int fd) : lines_(fd) {}

  void event(const Json& event) override {
    const std::string kind = event.at("event");
    const double now = clock_.seconds();
    if (const std::string text = told_of_run(event); !text.empty()) lines_.add(text + "\n");
    if (!event.contains("stage")) return;
    const std::string stage = event["stage"];
    if (kind == "stage_started") {
      const std::string reason = event.at("reason");
      const std::string where = event.value("device", "") == "cuda" ? " on cuda" : "";
      say(stage, "started" + where + (reason.empty() ? "" : " (" + reason + ")"));
      running_.insert_or_assign(stage, Running{StageProgress(now), now});
    } else if (const std::string text = told(event); !text.empty()) {
      say(stage, text);
    }
    const auto found = running_.find(stage);
    if (found == running_.end()) return;
    found->second.progress.event(event, now);
    if (kind == "progress" && now - found->second.told >= kEverySeconds) {
      found->second.told = now;
      say(stage, found->second.progress.text(now));
    }
  }

  void cached(const std::string& stage, std::string_view) override { say(stage, "cached"); }

  void tick() override {
    clock_.seconds();
    lines_.flush();
  }
  bool is_lost() const override { return lines_.is_lost(); }

 private:
  static constexpr double kEverySeconds = 5;
  struct Running {
    StageProgress progress;
    double told;
  };
  void say(const std::string& stage, const std::string& text) {
    lines_.add(stage + ": " + text + "\n");
  }

  Lines lines_;
  AwakeClock clock_;
  std::map<std::string, Running> running_;
};

class TerminalDisplay : public Display {
 public:
  TerminalDisplay(int fd, bool color) : out_(fd), color_(color) {}
  ~TerminalDisplay() override {
    running_.clear();
    draw();
  }

  void event(const Json& event) override {
    const std::string kind = event.at("event");
    const double now = clock_.seconds();
    if (kind == "run_started")
      for (const Json& stage : event.at("stages"))
        width_ = std::max(width_, std::min(kWidestName, stage.get<std::string>().size()));
    if (const std::string text = told_of_run(event); !text.empty())
      say("", text, kind == "output" ? kDim : kind == "output_failed" ? kRed : kYellow);
    if (!event.contains("stage")) return;
    const std::string stage = event["stage"];
    if (kind == "stage_started") running_.emplace_back(stage, StageProgress(now));
    if (kind.starts_with("stage_") && kind != "stage_started" && kind != "stage_timeout")
      std::erase_if(running_, [&](const auto& r) { return r.first == stage; });
    for (auto& [id, progress] : running_)
      if (id == stage) progress.event(event, now);
    if (const std::string text = told(event); !text.empty()) say(stage, text, color_of(kind));
  }

  void cached(const std::string& stage, std::string_view) override { say(stage, "cached", kDim); }

  void tick() override {
    if (!said_.empty() || clock_.seconds() - drawn_ >= kFrameSeconds) draw();
  }
  bool is_lost() const override { return out_.is_lost(); }

 private:
  static constexpr double kFrameSeconds = 0.08;
  static constexpr std::size_t kWidestName = 40;  // of a variant of a large matrix there is no end
  static constexpr const char* kGreen = "32";
  static constexpr const char* kRed = "31";
  static constexpr const char* kYellow = "33";
  static constexpr const char* kDim = "2";

  void draw() {
    std::string frame = erase_lines() + std::exchange(said_, {});
    const double now = drawn_ = clock_.seconds();
    winsize size{};
    const std::size_t columns =
        ::ioctl(out_.fd(), TIOCGWINSZ, &size) == 0 && size.ws_col > 20 ? size.ws_col : 80;
    for (const auto& [stage, progress] : running_) {
      std::string line = padded(stage) + "  ";
      if (progress.fraction() >= 0) line += bar(progress.fraction()) + "  ";
      line += progress.text(now);
      frame += one_line(line, columns - 1) + "\n";
    }
    lines_ = running_.size();
    out_.write(frame);
  }

  // At most so many characters, none of which moves the cursor: what a plugin notes is its own.
  static std::string one_line(const std::string& text, std::size_t columns) {
    std::string out;
    for (const char c : text) {
      const bool continues = (c & 0xC0) == 0x80;
      if (!continues && columns-- == 0) break;
      out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
    }
    return out;
  }

  static const char* color_of(const std::string& kind) {
    if (kind == "stage_finished") return kGreen;
    if (kind == "stage_failed" || kind == "gate") return kRed;
    if (kind == "stage_stopped" || kind == "stage_blocked" || kind == "stage_retry" ||
        kind == "stage_timeout")
      return kYellow;
    return kDim;
  }
  static std::string bar(double fraction) {
    constexpr int kWidth = 20;
    const int full = static_cast<int>(fraction * kWidth);
    return "[" + std::string(full, '#') + std::string(kWidth - full, '.') + "]";
  }
  std::string padded(const std::string& stage) const {
    return stage + std::string(width_ > stage.size() ? width_ - stage.size() : 0, ' ');
  }
  // Takes the live lines off the screen; the cursor is then where they began.
  std::string erase_lines() {
    std::string out;
    if (lines_ > 0) out = "\x1b[" + std::to_string(lines_) + "A\x1b[J";
    lines_ = 0;
    return out;
  }
  // Above the live lines, when they are drawn next: a thousand cached stages are told in a burst.
  void say(const std::string& stage, const std::string& text, const char* color) {
    if (!stage.empty()) said_ += padded(stage) + "  ";
    said_ += color_ ? "\x1b[" + std::string(color) + "m" + text + "\x1b[0m\n" : text + "\n";
    if (said_.size() > kMostWaiting) draw();
  }

  Output out_;
  AwakeClock clock_;
  bool color_;
  std::size_t width_ = 8, lines_ = 0;
  double drawn_ = 0;
  std::string said_;
  std::vector<std::pair<std::string, StageProgress>> running_;
};

class JsonDisplay : public Display {
 public:
  explicit JsonDisplay(int fd) : lines_(fd) {}
  void event(const Json& event) override {
    lines_.add(event.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
  }
  void cached(const std::string&, std::string_view line) override {
    lines_.add(line);
    lines_.add("\n");
  }
  void tick() override { lines_.flush(); }
  bool is_lost() const override { return lines_.is_lost(); }

 private:
  Lines lines_;
};

}  // namespace

std::unique_ptr<Display> terminal_display(int fd, bool color) {
  return std::make_unique<TerminalDisplay>(fd, color);
}
std::unique_ptr<Display> plain_display(int fd) { return std::make_unique<PlainDisplay>(fd); }
std::unique_ptr<Display> json_display(int fd) { return std::make_unique<JsonDisplay>(fd); }

}  // namespace lehr::runtime
