// lehr-host: the process a plugin runs in. Loads plugins so that `lehr` itself never does; links
// nothing heavy, a plugin brings its own libraries.
#include <fcntl.h>
#include <lehr/abi.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <map>
#include <string>
#include <string_view>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#endif

#include "event_pipe.h"
#include "exercise.h"
#include "plugin_answers.h"
#include "plugin_library.h"
#include "reward_process.h"
#include "runtime/plugin/plugin_file.h"
#include "runtime/store/durable_file.h"
#include "stage_context.h"
#include "stage_run.h"

namespace {

using namespace lehr;

constexpr const char* kUsage =
    "lehr-host: the process in which Lehr runs a plugin; normally started by lehr\n"
    "  lehr-host --stamp FILE.so      write the plugin's description into the file\n"
    "  lehr-host --describe FILE.so   print the plugin's description (JSON)\n"
    "  lehr-host --spec FILE [--events FD] [--parent PID]\n"
    "                                 run one stage, as the file says (-: as the standard input "
    "says,\n"
    "                                 which may be a while in coming)\n"
    "  lehr-host --check FILE [--events FD] [--parent PID]\n"
    "                                 ask a plugin about parameters, as the file says (-: the "
    "same)\n"
    "  lehr-host --exercise FILE [--events FD] [--parent PID]\n"
    "                                 call a document step or reward, as the file says\n"
    "  lehr-host --reward FD [--parent PID]\n"
    "                                 serve one reward over the inherited socket FD\n";

// Before any plugin, and with it OpenMP, is loaded: threads that wait must not spin, and there are
// as many as the pipeline declares.
void prepare_environment(unsigned threads) {
  ::setenv("OMP_WAIT_POLICY", "PASSIVE", 0);
  ::setenv("GOMP_SPINCOUNT", "0", 0);
  if (threads == 0) return;
  for (const char* name : {"OMP_NUM_THREADS", "MKL_NUM_THREADS"})
    ::setenv(name, std::to_string(threads).c_str(), 1);
}

// Killed with the process that started it. False: that one is gone already.
bool die_with(pid_t parent) {
  return ::prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && ::getppid() == parent;
}

// Out of lehr's process group: what a terminal sends to that is lehr's to judge. lehr has blocked
// these signals until here.
void leave_group() {
  ::setpgid(0, 0);
  sigset_t held;
  sigemptyset(&held);
  for (const int signal : {SIGINT, SIGHUP}) {
    ::signal(signal, SIG_IGN);  // what came until now goes
    ::signal(signal, SIG_DFL);
    sigaddset(&held, signal);
  }
  sigaddset(&held, SIGTERM);  // lehr's own, and stays
  ::sigprocmask(SIG_UNBLOCK, &held, nullptr);
}

void stop_when_asked() {
  struct sigaction action {};
  action.sa_handler = [](int) { host::request_stop(); };
  action.sa_flags = SA_RESTART;
  ::sigaction(SIGTERM, &action, nullptr);
  ::sigaction(SIGINT, &action, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGXFSZ, SIG_IGN);  // a write beyond a limit is an error, not a death
  const rlimit no_core{0, 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
}

// The standard input, of which plugins are to see nothing.
runtime::FileDescriptor take_standard_input() {
  runtime::FileDescriptor out(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 10));
  const runtime::FileDescriptor nothing = runtime::open_file("/dev/null", O_RDONLY);
  if (!out || ::dup2(nothing.get(), STDIN_FILENO) < 0)
    throw runtime::IoError("cannot redirect", "the standard input", errno);
  return out;
}

// All of it, read from where it is: tests/campaigns/disturb.c begins there.
std::string standard_input() {
  std::string text;
  char buffer[1 << 14];
  while (const ssize_t n = ::read(STDIN_FILENO, buffer, sizeof buffer)) {
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw runtime::IoError("cannot read", "the standard input", errno);
    text.append(buffer, static_cast<std::size_t>(n));
  }
  take_standard_input();
  return text;
}

int run(const std::string& spec_file, int events_fd) {
  const std::string text = spec_file == "-" ? standard_input() : runtime::read_file(spec_file);
  if (text.empty()) return runtime::kExitOk;  // waited, and was not needed
  host::EventPipe events(events_fd);
  stop_when_asked();
  const auto spec = runtime::StageSpec::from_json(nlohmann::ordered_json::parse(text));
  prepare_environment(spec.threads);
  if (!spec.gpus.empty()) ::setenv("CUDA_VISIBLE_DEVICES", spec.gpus.c_str(), 1);
  return host::run_stage(spec, events);
}

int ask(const std::string& mode, const std::string& file, int events_fd) {
  host::EventPipe events(events_fd);
  ::signal(SIGPIPE, SIG_IGN);
  const rlimit no_core{0, 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
  if (mode == "--exercise")
    return host::exercise(nlohmann::ordered_json::parse(runtime::read_file(file)), events);
  const runtime::FileDescriptor questions =
      file == "-" ? take_standard_input() : runtime::open_file(file, O_RDONLY);
  return host::answer_questions(questions.get(), events);
}

int dispatch(std::map<std::string, std::string> options) {
  if (options.contains("--parent") && !die_with(std::stoi(options["--parent"]))) return 1;
  if (options.contains("--events")) leave_group();
  const auto events = options.contains("--events") ? std::stoi(options["--events"]) : -1;
  if (options.contains("--spec")) return run(options["--spec"], events);
  prepare_environment(0);
  for (const char* mode : {"--check", "--exercise"})
    if (options.contains(mode)) return ask(mode, options[mode], events);
  if (options.contains("--reward")) return host::serve_reward(std::stoi(options["--reward"]));
  if (options.contains("--stamp")) {
    const std::string& file = options["--stamp"];
    runtime::stamp_plugin_file(file,
                               host::PluginLibrary(file, host::bare_services()).description());
    return 0;
  }
  if (options.contains("--describe")) {
    const host::PluginLibrary plugin(options["--describe"], host::bare_services());
    std::printf("%.*s\n", static_cast<int>(plugin.description().size()),
                plugin.description().data());
    return 0;
  }
  std::fputs(kUsage, stderr);
  return runtime::kExitUsage;
}

}  // namespace

int main(int argc, char** argv) {
  std::map<std::string, std::string> options;
  for (int i = 1; i + 1 < argc; i += 2) options[argv[i]] = argv[i + 1];
  int code = runtime::kExitPlugin;
  try {
    code = argc % 2 == 1 ? dispatch(std::move(options)) : dispatch({});
  } catch (const std::exception& e) {
    std::fprintf(stderr, "lehr-host: error: %s\n", e.what());
  }
  // Static destructors of plugins and of what they brought have nothing left to do for us, and may
  // crash.
  std::fflush(nullptr);
#ifdef __SANITIZE_ADDRESS__
  __lsan_do_leak_check();  // else it would have its turn at exit, which never comes
#endif
  ::_exit(code);
}
