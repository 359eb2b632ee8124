#include "child_program.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

namespace lehr::selftest {
namespace {

[[noreturn]] void fail(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
}

struct Pipe {
  int read = -1, write = -1;
  Pipe() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) fail("a pipe");
    read = ends[0];
    write = ends[1];
  }
  ~Pipe() {
    close_write();
    ::close(read);
  }
  void close_write() {
    if (write >= 0) ::close(write);
    write = -1;
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
};

// False at its end.
bool read_some(int from, std::string& into) {
  std::array<char, 1 << 14> buffer;
  ssize_t count;
  while ((count = ::read(from, buffer.data(), buffer.size())) < 0 && errno == EINTR) {
  }
  if (count > 0) into.append(buffer.data(), static_cast<std::size_t>(count));
  return count > 0;
}

}  // namespace

Ended run_program(const std::vector<std::string>& arguments,
                  const std::function<bool(std::string_view)>& line) {
  if (::access(arguments[0].c_str(), X_OK) != 0) fail(arguments[0]);
  std::vector<char*> argv;
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  Pipe out, err;
  const pid_t child = ::fork();
  if (child < 0) fail(arguments[0]);
  if (child == 0) {  // system calls only; the signal may be one that this program ignores
    ::signal(SIGPIPE, SIG_DFL);
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    ::dup2(::open("/dev/null", O_RDONLY), STDIN_FILENO);
    ::dup2(out.write, STDOUT_FILENO);
    ::dup2(err.write, STDERR_FILENO);
    ::execv(argv[0], argv.data());
    ::_exit(127);
  }
  out.close_write();
  err.close_write();

  Ended ended;
  std::string text;
  std::array<pollfd, 2> open = {{{out.read, POLLIN, 0}, {err.read, POLLIN, 0}}};
  while (open[0].fd >= 0 || open[1].fd >= 0) {
    if (::poll(open.data(), open.size(), -1) < 0) continue;  // a signal
    if (open[0].revents != 0 && !read_some(out.read, text)) open[0].fd = -1;
    if (open[1].revents != 0 && !read_some(err.read, ended.said)) open[1].fd = -1;
    for (std::size_t end; (end = text.find('\n')) != std::string::npos; text.erase(0, end + 1))
      if (!line(std::string_view(text).substr(0, end))) ::kill(child, SIGKILL);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  ended.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return ended;
}

}  // namespace lehr::selftest
