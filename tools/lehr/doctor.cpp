#include "doctor.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/statfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <map>
#include <set>
#include <sstream>
#include <thread>

#include "runtime/plan/machine.h"
#include "runtime/run/human_text.h"
#include "runtime/store/durable_file.h"

namespace lehr::cli {
namespace {

namespace fs = std::filesystem;
using runtime::bytes_text;
using State = Finding::State;

constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;

std::string reason(int error) { return std::strerror(error); }

// ---- programs and plugins ----

Finding host_finding() {
  std::error_code error;
  const fs::path host = fs::read_symlink("/proc/self/exe", error).parent_path() / "lehr-host";
  const std::string fix = "build or install Lehr again: lehr and lehr-host belong in one folder";
  if (::access(host.c_str(), X_OK) != 0)
    return {State::error, "host program", host.string() + ": " + reason(errno), fix};
  const pid_t child = ::fork();
  if (child == 0) {
    const int null = ::open("/dev/null", O_RDWR);
    for (const int fd : {0, 1, 2}) ::dup2(null, fd);
    ::execl(host.c_str(), host.c_str(), "--version", static_cast<char*>(nullptr));
    ::_exit(127);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) == 127 || WEXITSTATUS(status) == 126)
    return {State::error, "host program", host.string() + " does not start", fix};
  return {State::good, "host program", host.string(), ""};
}

std::vector<Finding> plugins(const runtime::PluginRegistry& registry) {
  std::vector<Finding> out;
  const std::size_t count = registry.plugins().size();
  if (count == 0)
    out.push_back({State::error, "plugins", "none found",
                   "install them beside lehr (lib/lehr/plugins), or name their folder with "
                   "LEHR_PLUGIN_PATH or --plugin-path"});
  else
    out.push_back(
        {State::good, "plugins", std::to_string(count) + " usable (lehr plugins list)", ""});
  const char* listed = std::getenv("LEHR_PLUGIN_PATH");
  std::istringstream folders(listed == nullptr ? "" : listed);
  std::error_code error;
  for (std::string folder; std::getline(folders, folder, ':');)
    if (!folder.empty() && !fs::exists(folder, error))
      out.push_back({State::warning, "plugin folder",
                     "'" + folder + "', which LEHR_PLUGIN_PATH names, is not there",
                     "correct LEHR_PLUGIN_PATH, or make the folder"});
  for (const auto& broken : registry.broken()) {
    const bool folder = broken.name.empty();
    out.push_back(
        {State::error, folder ? "plugin folder" : "plugin " + broken.path.stem().string(),
         broken.reason,
         folder ? "let this user read it, or set HOME, XDG_DATA_HOME or LEHR_PLUGIN_PATH to others"
                : "build it again (lehr plugins stamp writes a manifest), or take the file away"});
  }
  return out;
}

// The libraries of the plugins that are not found are one finding each, with the plugins that need
// them; LibTorch is told also where it is found.
std::vector<Finding> libraries(const runtime::PluginRegistry& registry) {
  std::map<std::string, std::string> missing;
  std::string torch_users, torch;
  for (const auto& [name, plugin] : registry.plugins())
    for (const std::string& identity : runtime::library_identities(plugin)) {
      const std::string library = identity.substr(0, identity.find(": "));
      const bool found = !identity.ends_with(": not found");
      if (!found) missing[library] += (missing[library].empty() ? "" : ", ") + name;
      if (found && library.starts_with("libtorch_cpu.so")) {
        torch_users += (torch_users.empty() ? "" : ", ") + name;
        torch = identity.substr(library.size() + 2);
      }
    }
  std::vector<Finding> out;
  if (!torch.empty())
    out.push_back({State::good, "LibTorch",
                   torch.substr(0, torch.find(' ') + 11) + ", for " + torch_users +
                       " (lehr selftest checks what it computes)",
                   ""});
  for (const auto& [library, users] : missing) {
    const bool is_torch = library.starts_with("libtorch") || library.starts_with("libc10");
    out.push_back({State::error, is_torch ? "LibTorch" : "library",
                   library + " is not found, needed by " + users,
                   is_torch ? "run tools/setup and build again, or let lib/lehr/torch beside the "
                              "plugins' folder be a link to a LibTorch"
                            : "install the package that has it, or name its folder in "
                              "LD_LIBRARY_PATH"});
  }
  return out;
}

Finding wordnet(const runtime::PluginRegistry& registry) {
  const auto plugin = registry.plugins().find("wordnet");
  std::string folder = "/usr/share/wordnet";
  for (const auto& stage : plugin->second.description["stages"])
    for (const auto& parameter : stage["parameters"])
      if (parameter.value("name", "") == "path" && parameter.contains("default") &&
          parameter["default"].is_string())
        folder = parameter["default"];
  if (fs::exists(fs::path(folder) / "data.noun")) return {State::good, "WordNet", folder, ""};
  return {State::warning, "WordNet",
          "no database in " + folder + "; pipelines that use the plugin wordnet need it",
          "apt-get install wordnet-base, or give the stage the parameter 'path'"};
}

// ---- processor, memory, clock ----

Finding processor() {
  std::string detail = runtime::instruction_set_tier();
#if defined(__x86_64__)
  const bool bf16 = detail == "x86-64-v4" && __builtin_cpu_supports("avx512bf16");
  detail += bf16 ? ", bf16: training uses it" : ", no bf16: training runs in fp32";
  if (detail.starts_with("x86-64-v2"))
    return {State::warning, "processor", detail + ", no AVX2: training is several times slower",
            "use a processor of 2014 or later; a virtual machine may hide it (-cpu host)"};
#endif
  return {State::good, "processor", detail, ""};
}

// The first number of a file, or 0: "max 100000" has none.
double first_number(const fs::path& path, double* second = nullptr) {
  std::ifstream file(path);
  double value = 0;
  if (!(file >> value)) return 0;
  if (second) file >> *second;
  return value;
}

Finding threads() {
  cpu_set_t set;
  CPU_ZERO(&set);
  const int allowed = ::sched_getaffinity(0, sizeof set, &set) == 0
                          ? CPU_COUNT(&set)
                          : static_cast<int>(std::thread::hardware_concurrency());
  const int present = static_cast<int>(std::thread::hardware_concurrency());
  std::string detail = std::to_string(allowed) + " of this machine's processors";
  if (allowed == std::max(1, present)) detail = std::to_string(allowed) + " processors";
  double period = 0;
  const double quota = first_number("/sys/fs/cgroup/cpu.max", &period);
  if (quota > 0 && period > 0 && quota / period < allowed)
    return {State::warning, "threads",
            detail + ", but the control group allows " + runtime::number_text(quota / period),
            "set resources: {threads: " +
                std::to_string(std::max(1, static_cast<int>(quota / period))) +
                "} in pipelines, or raise the container's limit"};
  return {State::good, "threads", detail + "; pipelines use 2 unless they say otherwise", ""};
}

Finding memory() {
  std::ifstream file("/proc/meminfo");
  std::uint64_t available = 0;
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("MemAvailable:")) available = std::stoull(line.substr(13)) * 1024;
  const auto limit = static_cast<std::uint64_t>(first_number("/sys/fs/cgroup/memory.max"));
  std::string detail = bytes_text(available) + " available";
  if (limit > 0) {
    const auto used = static_cast<std::uint64_t>(first_number("/sys/fs/cgroup/memory.current"));
    const std::uint64_t left = limit > used ? limit - used : 0;
    if (left < available) {
      available = left;
      detail = bytes_text(left) + " left of the control group's " + bytes_text(limit);
    }
  }
  if (available < 2 * kGiB)
    return {State::warning, "memory", detail, "free some: the quickstart needs up to 4 GiB"};
  return {State::good, "memory", detail, ""};
}

// ---- the store ----

std::string file_system_name(long magic) {
  static const std::map<long, const char*> names = {
      {0xEF53, "ext4"},       {0x58465342, "xfs"},  {0x9123683E, "btrfs"},
      {0x01021994, "tmpfs"},  {0x6969, "nfs"},      {0x794c7630, "overlayfs"},
      {0x2fc12fc1, "zfs"},    {0x65735546, "fuse"}, {0xFF534D42, "cifs"},
      {0xFE534D42, "smb2"},   {0x01021997, "9p"},   {0xF2F52010, "f2fs"},
      {0x0BD00BD0, "lustre"}, {0x4d44, "fat"},      {0x00C36400, "ceph"}};
  const auto found = names.find(magic);
  std::ostringstream number;
  number << "type 0x" << std::hex << magic;
  return found == names.end() ? number.str() : found->second;
}

// Where a store that does not exist yet would be made.
fs::path existing_folder(fs::path folder) {
  while (!fs::is_directory(folder) && folder.has_parent_path() && folder != folder.parent_path())
    folder = folder.parent_path();
  return folder;
}

Finding disk(const fs::path& folder) {
  std::error_code error;
  const auto space = fs::space(folder, error);
  if (error) return {State::error, "free disk", error.message(), "name another store with --store"};
  const std::string detail = bytes_text(space.available) + " at " + folder.string();
  const std::string fix =
      "lehr store gc removes what no recent run needs; or put the store "
      "elsewhere with LEHR_STORE";
  if (space.available < kGiB / 8) return {State::error, "free disk", detail, fix};
  if (space.available < 2 * kGiB) return {State::warning, "free disk", detail, fix};
  return {State::good, "free disk", detail, ""};
}

// Does in a folder of its own what publishing does, and tells what failed.
std::string publish_once(const fs::path& scratch) try {
  runtime::make_folders(scratch / "made");
  runtime::write_file_durably(scratch / "made" / "file", "x");
  runtime::fsync_tree(scratch / "made");
  runtime::rename_path(scratch / "made", scratch / "published");
  runtime::fsync_path(scratch);
  fs::create_directory_symlink("published", scratch / "link");
  return runtime::read_file(scratch / "published" / "file") == "x" ? ""
                                                                   : "a file came back changed";
} catch (const std::exception& e) {
  return e.what();
}

std::string lock_once(const fs::path& scratch) try {
  const auto first = runtime::open_file(scratch / "lock", O_RDWR | O_CREAT);
  const auto second = runtime::open_file(scratch / "lock", O_RDWR);
  if (::flock(first.get(), LOCK_EX | LOCK_NB) != 0) return "flock: " + reason(errno);
  if (::flock(second.get(), LOCK_EX | LOCK_NB) == 0) return "flock lets two hold one lock";
  return "";
} catch (const std::exception& e) {
  return e.what();
}

// How far the file system's clock is from this machine's.
std::string clock_gap(const fs::path& scratch) {
  using namespace std::chrono;
  runtime::write_file_atomically(scratch / "clock", "x");
  const auto written = fs::last_write_time(scratch / "clock");
  const double gap = duration<double>(written - fs::file_time_type::clock::now()).count();
  return std::fabs(gap) < 2 ? "" : runtime::number_text(gap) + " s";
}

std::vector<Finding> store_findings(const fs::path& store) {
  const fs::path folder = existing_folder(store);
  std::vector<Finding> out = {disk(folder)};
  struct statfs system {};
  const bool known = ::statfs(folder.c_str(), &system) == 0;
  const std::string type = known ? file_system_name(system.f_type) : "unknown";
  const fs::path scratch = folder / (".lehr-doctor-" + std::to_string(::getpid()));
  std::error_code error;
  if (!fs::create_directory(scratch, error)) {
    out.push_back({State::error, "store",
                   "cannot write in " + folder.string() + ": " + error.message(),
                   "name a folder you may write to with --store or LEHR_STORE"});
    return out;
  }
  if (const std::string failed = publish_once(scratch); !failed.empty())
    out.push_back({State::error, "store", type + ": " + failed,
                   "put the store on a local file system (ext4, xfs, btrfs) with LEHR_STORE"});
  else if (type == "tmpfs")
    out.push_back({State::warning, "store", "in memory (tmpfs): gone when the machine restarts",
                   "put it on a disk with --store or LEHR_STORE if it is to last"});
  else
    out.push_back({State::good, "store", type + ": writing, syncing and renaming work", ""});
  if (const std::string failed = lock_once(scratch); !failed.empty())
    out.push_back({State::error, "locks", type + ": " + failed,
                   "mount the file system with locks (nfs: without nolock), or put the store on a "
                   "local one"});
  else
    out.push_back({State::good, "locks", "flock keeps a second holder out", ""});
  std::string gap;
  try {
    gap = clock_gap(scratch);
  } catch (const std::exception& e) {
    gap = e.what();
  }
  const bool long_ago = std::time(nullptr) < 1735689600;  // 2025-01-01
  if (long_ago || !gap.empty())
    out.push_back({State::warning, "clock",
                   long_ago ? "the clock is set to the past"
                            : "files of the store are dated " + gap + " from this machine's clock",
                   "set the clock (timedatectl set-ntp true): the order of runs and what gc "
                   "spares as young hang on it"});
  else
    out.push_back({State::good, "clock", "agrees with the file system's", ""});
  fs::remove_all(scratch, error);
  return out;
}

}  // namespace

std::vector<Finding> examine_machine(const runtime::PluginRegistry& registry,
                                     const fs::path& store) {
  std::vector<Finding> out = {host_finding()};
  const auto add = [&](std::vector<Finding> more) {
    out.insert(out.end(), std::make_move_iterator(more.begin()),
               std::make_move_iterator(more.end()));
  };
  add(plugins(registry));
  add(libraries(registry));
  if (registry.plugins().contains("wordnet")) out.push_back(wordnet(registry));
  out.push_back(processor());
  out.push_back(threads());
  out.push_back(memory());
  add(store_findings(store));
  return out;
}

}  // namespace lehr::cli
