#include "child_process.h"

#include <fcntl.h>
#include <lehr/value.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace lehr::plugins::command {
namespace {

constexpr std::size_t kLongestLine = 1 << 20;  // what prints without newlines is cut here

struct Pipe {
  int read = -1, write = -1;
  Pipe() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0)
      throw Error(std::string("cannot make a pipe: ") + std::strerror(errno));
    read = ends[0];
    write = ends[1];
  }
};

std::vector<char*> pointers(const std::vector<std::string>& strings) {
  std::vector<char*> out;
  for (const std::string& s : strings) out.push_back(const_cast<char*>(s.c_str()));
  out.push_back(nullptr);
  return out;
}

// What follows runs between fork and exec, or in the guard: system calls only.

[[noreturn]] void become(char* const* argv, char* const* environment, const char* folder,
                         int output, int failure) {
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  for (const int signal : {SIGPIPE, SIGTERM, SIGINT, SIGXFSZ}) ::signal(signal, SIG_DFL);
  const int null = ::open("/dev/null", O_RDONLY);
  ::dup2(null, STDIN_FILENO);
  ::dup2(output, STDOUT_FILENO);
  // All else of ours is closed by exec; `failure` as well, which tells that it has worked.
  ::syscall(SYS_close_range, 3u, ~0u, 4u /* CLOSE_RANGE_CLOEXEC */);
  if (::chdir(folder) == 0) ::execvpe(argv[0], argv, environment);
  const int reason = errno;
  (void)!::write(failure, &reason, sizeof reason);
  ::_exit(127);
}

[[noreturn]] void guard(pid_t program, int status_pipe) {
  sigset_t awaited;
  sigemptyset(&awaited);
  sigaddset(&awaited, SIGCHLD);
  sigaddset(&awaited, SIGUSR1);
  while (true) {
    const int signal = ::sigwaitinfo(&awaited, nullptr);
    int status = 0;
    if (signal == SIGCHLD && ::waitpid(program, &status, WNOHANG) != program) continue;
    if (signal == SIGCHLD) (void)!::write(status_pipe, &status, sizeof status);
    if (signal > 0) ::kill(0, SIGKILL);
  }
}

}  // namespace

ChildProcess::ChildProcess(const std::vector<std::string>& argv,
                           const std::vector<std::string>& environment,
                           const std::filesystem::path& folder) {
  const std::vector<char*> arguments = pointers(argv), variables = pointers(environment);
  const Pipe output, status, failure;
  const pid_t parent = ::getpid();
  guard_ = ::fork();
  if (guard_ == 0) {
    ::setpgid(0, 0);
    sigset_t all;
    sigfillset(&all);
    ::sigprocmask(SIG_SETMASK, &all, nullptr);
    ::prctl(PR_SET_PDEATHSIG, SIGUSR1);
    if (::getppid() != parent) ::_exit(1);
    const pid_t program = ::fork();
    if (program == 0)
      become(arguments.data(), variables.data(), folder.c_str(), output.write, failure.write);
    for (const int fd : {output.write, failure.write}) ::close(fd);
    guard(program, status.write);
  }
  const int why = errno;
  for (const int fd : {output.write, status.write, failure.write}) ::close(fd);
  output_ = output.read;
  ::fcntl(output_, F_SETFL, O_NONBLOCK);
  status_pipe_ = status.read;
  int reason = guard_ < 0 ? why : 0;
  if (guard_ > 0 && ::read(failure.read, &reason, sizeof reason) <= 0) reason = 0;
  ::close(failure.read);
  if (reason == 0) return;
  kill();
  collect();
  for (const int fd : {output_, status_pipe_}) ::close(fd);
  const bool in_path = reason == ENOENT && argv[0].find('/') == std::string::npos;
  const bool whole_line = reason == ENOENT && argv[0].find(' ') != std::string::npos;
  throw Error("cannot start '" + argv[0] +
              "': " + (in_path ? "it is in no folder of PATH" : std::strerror(reason)) +
              (whole_line ? "; 'program' is its name alone, what follows belongs into 'args'"
               : in_path  ? ". Correct 'program', or give its absolute path"
               : reason == EACCES
                   ? ". Make it executable, or name what runs it, as in 'program: python3'"
                   : ""));
}

ChildProcess::~ChildProcess() {
  kill();
  collect();
  for (const int fd : {output_, status_pipe_})
    if (fd >= 0) ::close(fd);
}

void ChildProcess::terminate() {
  if (guard_ > 0) ::kill(-guard_, SIGTERM);
}

void ChildProcess::kill() {
  if (guard_ > 0) ::kill(-guard_, SIGKILL);
}

// The guard has ended or is about to.
void ChildProcess::collect() {
  if (guard_ < 0) return;
  while (::waitpid(guard_, nullptr, 0) < 0 && errno == EINTR) {
  }
  guard_ = -1;
  if (::read(status_pipe_, &status_, sizeof status_) != sizeof status_) status_ = -1;
}

bool ChildProcess::wait(int timeout_ms, const std::function<void(std::string_view)>& line) {
  if (guard_ < 0) return false;
  // A program may close its output long before it ends, and what it has left behind may hold it
  // open long after: the guard's word counts.
  pollfd fds[] = {{output_, POLLIN, 0}, {status_pipe_, POLLIN, 0}};
  if (::poll(fds, 2, timeout_ms) <= 0) return true;
  const bool ended = fds[1].revents != 0;
  if (ended) collect();
  read_lines(line);
  if (ended && !buffer_.empty()) line(buffer_);
  return !ended;
}

void ChildProcess::read_lines(const std::function<void(std::string_view)>& line) {
  char chunk[1 << 16];
  // Not for as long as somebody writes; once it has ended, all that a pipe may hold.
  const int most = guard_ < 0 ? 64 : 1;
  for (int reads = 0; reads < most && output_ >= 0; ++reads) {
    const ssize_t n = ::read(output_, chunk, sizeof chunk);
    if (n < 0 && errno == EINTR) continue;
    if (n == 0) {
      ::close(output_);
      output_ = -1;
    }
    if (n <= 0) return;
    buffer_.append(chunk, static_cast<std::size_t>(n));
    std::size_t begin = 0;
    for (std::size_t end; (end = buffer_.find('\n', begin)) != std::string::npos; begin = end + 1)
      line(std::string_view(buffer_).substr(begin, end - begin));
    buffer_.erase(0, begin);
    if (buffer_.size() <= kLongestLine) continue;
    line(buffer_);
    buffer_.clear();
  }
}

std::string ChildProcess::failure() const {
  if (status_ == -1) return "was killed";
  if (WIFSIGNALED(status_))
    return "died by signal " + std::to_string(WTERMSIG(status_)) + " (" +
           strsignal(WTERMSIG(status_)) + ")";
  const int code = WEXITSTATUS(status_);
  return code == 0 ? "" : "ended with exit code " + std::to_string(code);
}

}  // namespace lehr::plugins::command
