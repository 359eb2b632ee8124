#include "runtime/run/stage_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "text/strict_json.h"

extern char** environ;

namespace lehr::runtime {
namespace {

constexpr int kEventsFd = 3;
constexpr const char* kGivenLater = "-";
constexpr std::size_t kLongestLine = 1 << 20;  // a plugin that prints without newlines is cut here

struct Pipe {
  FileDescriptor read, write;
};

Pipe make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw IoError("cannot make a pipe for", "a stage host", errno);
  ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
  return {FileDescriptor(ends[0]), FileDescriptor(ends[1])};
}

// A socket, because writing to a process that has died is then an error and no signal.
Pipe make_socket() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    throw IoError("cannot make a socket for", "a stage host", errno);
  return {FileDescriptor(ends[0]), FileDescriptor(ends[1])};
}

// Above the numbers that the child's descriptors are moved to.
FileDescriptor move_up(FileDescriptor fd) {
  const int moved = ::fcntl(fd.get(), F_DUPFD_CLOEXEC, 10);
  if (moved < 0) throw IoError("cannot duplicate a descriptor of", "a stage host", errno);
  return FileDescriptor(moved);
}

void drain(int fd, std::string& buffer, int most_reads,
           const std::function<void(std::string_view)>& line) {
  if (fd < 0) return;
  char chunk[1 << 16];
  for (int reads = 0; reads < most_reads; ++reads) {
    const ssize_t n = ::read(fd, chunk, sizeof chunk);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno != EAGAIN) throw IoError("cannot read from", "a stage host", errno);
    if (n <= 0) return;
    buffer.append(chunk, static_cast<std::size_t>(n));
    std::size_t begin = 0;
    for (std::size_t end; (end = buffer.find('\n', begin)) != std::string::npos; begin = end + 1)
      line(std::string_view(buffer).substr(begin, end - begin));
    buffer.erase(0, begin);
    if (buffer.size() > kLongestLine) {
      line(buffer);
      buffer.clear();
    }
  }
}

// To what a thread (its folder in /proc) has started, and all that this has started in turn. A
// program of plugin `command` is in a group of its own.
void signal_children(const std::filesystem::path& thread, int signal) {
  std::ifstream children(thread / "children");
  for (pid_t child = 0; children >> child;) {
    if (::kill(-child, signal) != 0) ::kill(child, signal);  // not a group
    std::error_code gone;
    const std::string threads = "/proc/" + std::to_string(child) + "/task";
    for (const auto& entry : std::filesystem::directory_iterator(threads, gone))
      signal_children(entry.path(), signal);
  }
}

}  // namespace

StageProcess::StageProcess(const std::filesystem::path& host, const std::string& mode,
                           const std::filesystem::path& file,
                           const std::vector<std::string>& environment) {
  const bool waits = file == kGivenLater;
  Pipe events = make_pipe(), output = make_pipe(), input = waits ? make_socket() : Pipe{};
  const FileDescriptor events_end = move_up(std::move(events.write)),
                       output_end = move_up(std::move(output.write));
  const std::string parent = std::to_string(::getpid()), fd_text = std::to_string(kEventsFd);
  const char* arguments[] = {host.c_str(),    mode.c_str(), file.c_str(),   "--events",
                             fd_text.c_str(), "--parent",   parent.c_str(), nullptr};
  std::vector<char*> variables;
  for (const std::string& variable : environment)
    variables.push_back(const_cast<char*>(variable.c_str()));
  variables.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  if (waits)
    posix_spawn_file_actions_adddup2(&actions, input.read.get(), STDIN_FILENO);
  else
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, output_end.get(), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, output_end.get(), STDERR_FILENO);
  posix_spawn_file_actions_adddup2(&actions, events_end.get(), kEventsFd);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  // It leaves our process group itself (lehr-host's main.cpp), and hears these only then: were it
  // to leave as part of posix_spawn, a SIGSTOP to the group could stop it on its way out, where the
  // group's SIGCONT no longer reaches it, and posix_spawn would not return.
  sigset_t held, all;
  sigemptyset(&held);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&held, signal);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &held);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  const int error =
      ::posix_spawn(&pid_, host.c_str(), &actions, &attributes, const_cast<char**>(arguments),
                    environment.empty() ? environ : variables.data());
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (error != 0) {
    pid_ = -1;
    throw IoError("cannot start", host, error);
  }
  input_ = std::move(input.write);
  events_ = std::move(events.read);
  output_ = std::move(output.read);
  exit_ = FileDescriptor(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
  if (!exit_) {
    kill();
    collect();
    throw IoError("cannot watch", host, errno);
  }
}

StageProcess::StageProcess(const std::filesystem::path& host, const std::string& mode)
    : StageProcess(host, mode, kGivenLater) {}

void StageProcess::give(std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::send(input_.get(), text.data(), text.size(), MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  input_.reset();  // that was all
}

void StageProcess::send(std::string_view text, std::chrono::milliseconds patience) {
  const auto until = std::chrono::steady_clock::now() + patience;
  while (!text.empty()) {
    const ssize_t n = ::send(input_.get(), text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n > 0) text.remove_prefix(static_cast<std::size_t>(n));
    if (n >= 0 || errno == EINTR) continue;
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    pollfd room = {input_.get(), POLLOUT, 0};
    if (errno != EAGAIN || left.count() <= 0) return;
    ::poll(&room, 1, static_cast<int>(left.count()));
  }
}

bool StageProcess::has_ended() const {
  pollfd exit = {exit_.get(), POLLIN, 0};
  return ::poll(&exit, 1, 0) > 0;
}

StageProcess::~StageProcess() {
  if (pid_ < 0) return;
  kill();
  collect();
}

void StageProcess::read(const std::function<void(const nlohmann::ordered_json&)>& event,
                        const std::function<void(const std::string&)>& line) {
  // Not for as long as somebody writes: a plugin that prints without end must not keep us from
  // stopping it. Of a dead process all that a pipe may hold.
  const int most_reads = pid_ < 0 ? 64 : 1;
  drain(events_.get(), event_buffer_, most_reads, [&](std::string_view line_text) {
    try {
      const auto json = text::parse_json<nlohmann::ordered_json>(line_text);
      if (json.is_object() && json.contains("event") && json["event"].is_string()) event(json);
    } catch (const text::JsonError&) {  // a plugin has found the pipe: what it writes there is void
    } catch (const nlohmann::ordered_json::exception&) {
    }
  });
  drain(output_.get(), output_buffer_, most_reads,
        [&](std::string_view text) { line(std::string(text)); });
  // What it died of may be the line that it did not end.
  if (pid_ < 0 && !output_buffer_.empty()) line(std::exchange(output_buffer_, {}));
}

void StageProcess::ask_to_stop() {
  if (pid_ > 0) ::kill(pid_, SIGTERM);
}

void StageProcess::kill() {
  if (pid_ > 0 && ::kill(-pid_, SIGKILL) != 0) ::kill(pid_, SIGKILL);  // not yet a group
}

StageProcess::Ending StageProcess::collect() {
  kill();  // what the stage started and left behind; the host itself has ended and waits to be
           // collected
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0)
    if (errno != EINTR) break;
  pid_ = -1;
  if (WIFSIGNALED(status)) return {0, WTERMSIG(status)};
  return {WEXITSTATUS(status), 0};
}

void continue_hosts() { signal_children("/proc/thread-self", SIGCONT); }

void stop_with_hosts() {
  signal_children("/proc/thread-self", SIGSTOP);
  sigset_t stop, before;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTSTP);
  ::pthread_sigmask(SIG_UNBLOCK, &stop, &before);
  ::raise(SIGTSTP);  // here we stand still, unless there is nobody who could continue us
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  continue_hosts();
}

std::string StageProcess::Ending::text() const {
  if (signal != 0)
    return "died by signal " + std::to_string(signal) + " (" + strsignal(signal) + ")";
  return "ended with exit code " + std::to_string(code);
}

}  // namespace lehr::runtime
