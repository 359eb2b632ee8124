#include "reward_process.h"

#include <lehr/value.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <optional>
#include <stdexcept>

#include "message_socket.h"
#include "stage_context.h"

extern char** environ;

namespace lehr::host {
namespace {

using Clock = std::chrono::steady_clock;

// For the answer that is under way when the stage is asked to stop: with it the stage can end its
// step and keep its state. What takes longer hangs, for all that we know.
constexpr std::chrono::seconds kLastAnswer{5};

std::string how_it_ended(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0)
    if (errno != EINTR) return "it is gone";
  if (WIFSIGNALED(status)) {
    const int signal = WTERMSIG(status);
    return "signal " + std::to_string(signal) + " (" + strsignal(signal) + ")";
  }
  return "exit code " + std::to_string(WEXITSTATUS(status));
}

}  // namespace

RewardProcess::RewardProcess(std::string full_name, const std::filesystem::path& plugin,
                             const std::string& code, const nlohmann::ordered_json& parameters)
    : name_(std::move(full_name)) {
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
    throw std::runtime_error("cannot start reward '" + name_ + "': " + std::strerror(errno));
  socket_ = runtime::FileDescriptor(pair[0]);
  runtime::FileDescriptor theirs(pair[1]);
  constexpr int kTheirFd = 9;
  const std::string fd_text = std::to_string(kTheirFd), parent = std::to_string(::getpid());
  const char* arguments[] = {"lehr-host", "--reward",     fd_text.c_str(),
                             "--parent",  parent.c_str(), nullptr};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, theirs.get(), kTheirFd);
  const int error = ::posix_spawn(&pid_, "/proc/self/exe", &actions, nullptr,
                                  const_cast<char**>(arguments), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0)
    throw std::runtime_error("cannot start reward '" + name_ + "': " + std::strerror(error));
  theirs.reset();  // else its death would not end the stream
  const std::string item = name_.substr(name_.find('.') + 1);
  ask({{"plugin", plugin.string()}, {"code", code}, {"reward", item}, {"parameters", parameters}});
}

RewardProcess::~RewardProcess() {
  socket_.reset();  // its loop ends at the end of the stream
  if (pid_ < 0) return;
  ::kill(pid_, SIGKILL);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

nlohmann::ordered_json RewardProcess::ask(const nlohmann::ordered_json& request) {
  if (pid_ < 0) throw std::runtime_error("reward '" + name_ + "': its process has died");
  std::optional<Clock::time_point> deadline;
  bool given_up = false;
  const auto give_up = [&] {
    if (!stop_requested()) return false;
    if (!deadline) deadline = Clock::now() + kLastAnswer;
    return given_up = Clock::now() >= *deadline;
  };
  std::optional<nlohmann::ordered_json> reply;
  if (send_message(socket_.get(), request, give_up))
    reply = receive_message(socket_.get(), give_up);
  if (!reply) {
    ::kill(pid_,
           SIGKILL);  // it may have closed the socket and live on; a dead one keeps its own ending
    const std::string ending = how_it_ended(pid_);
    pid_ = -1;
    if (given_up) throw RewardGivenUp("reward '" + name_ + "' did not answer, and was killed");
    throw std::runtime_error("reward '" + name_ + "': its process died: " + ending);
  }
  if (reply->contains("error"))
    throw std::runtime_error("reward '" + name_ + "': " + reply->at("error").get<std::string>());
  return *reply;
}

void RewardProcess::score(const lehr_exchange* exchanges, std::size_t count, std::size_t stride,
                          double* scores) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (std::size_t i = 0; i < count; ++i) {
    const auto& exchange = *reinterpret_cast<const lehr_exchange*>(
        reinterpret_cast<const char*>(exchanges) + i * stride);
    list.push_back({view(exchange.prompt), view(exchange.completion), view(exchange.reference),
                    exchange.truncated});
  }
  const std::lock_guard lock(mutex_);
  const nlohmann::ordered_json reply = ask({{"exchanges", std::move(list)}});
  const auto& got = reply.at("scores");
  if (got.size() != count)
    throw std::runtime_error("reward '" + name_ + "' gave " + std::to_string(got.size()) +
                             " scores for " + std::to_string(count) + " answers");
  for (std::size_t i = 0; i < count; ++i) scores[i] = got[i].get<double>();
}

}  // namespace lehr::host
