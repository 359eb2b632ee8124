#include "workshop.h"

#include <signal.h>
#include <stdlib.h>

#include <cerrno>
#include <cmath>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <system_error>

#include "child_program.h"
#include "trial_pipeline.h"

namespace lehr::selftest {
namespace {

namespace fs = std::filesystem;

constexpr int kStoppedBySignal = 75;

fs::path make_folder() {
  std::error_code error;
  std::string name = (fs::temp_directory_path(error) / "lehr-selftest-XXXXXX").string();
  if (!error && ::mkdtemp(name.data()) == nullptr)
    error = std::error_code(errno, std::generic_category());
  if (error)
    throw std::runtime_error("no folder can be made among the temporary ones: " + error.message() +
                             ". Name a place for them with TMPDIR");
  return name;
}

// Artifacts cannot be written to, so what is in them cannot be removed.
void remove_store_and_all(const fs::path& folder) {
  std::error_code error;
  for (fs::recursive_directory_iterator at(folder, error), end; at != end; at.increment(error))
    if (at->is_directory(error))
      fs::permissions(at->path(), fs::perms::owner_write, fs::perm_options::add, error);
  fs::remove_all(folder, error);
}

// The mistakes that lehr told as JSON in place of events.
std::string messages_of(const std::string& mistakes) {
  const auto json = nlohmann::json::parse(mistakes, nullptr, false);
  std::string out;
  if (json.is_array())
    for (const auto& mistake : json)
      out += (out.empty() ? "" : "; ") + mistake.value("message", mistake.dump());
  return out;
}

}  // namespace

Workshop::Workshop(const std::string& device, std::vector<std::string> plugin_paths)
    : folder_(make_folder()), plugin_paths_(std::move(plugin_paths)) {
  write_trial(folder_, device);
}

Workshop::~Workshop() { remove_store_and_all(folder_); }

std::vector<std::string> Workshop::command(const std::vector<std::string>& words) const {
  std::vector<std::string> out = {
      (fs::read_symlink("/proc/self/exe").parent_path() / "lehr").string()};
  out.insert(out.end(), words.begin(), words.end());
  return out;
}

Workshop::Ran Workshop::run(const std::string& pipeline, lm::Precision precision,
                            const std::string& store) {
  return run(pipeline, precision, store, "");
}

Workshop::Ran Workshop::run_and_kill(const std::string& pipeline, const std::string& stage,
                                     lm::Precision precision, const std::string& store) {
  return run(pipeline, precision, store, stage);
}

Workshop::Ran Workshop::run(const std::string& pipeline, lm::Precision precision,
                            const std::string& store, const std::string& kill_in) {
  std::vector<std::string> words = {"run",
                                    (folder_ / (pipeline + ".yaml")).string(),
                                    "--json",
                                    "--store",
                                    (folder_ / store).string(),
                                    "--set",
                                    "vars.precision=" + lm::precision_name(precision)};
  for (const std::string& path : plugin_paths_) {
    words.push_back("--plugin-path");
    words.push_back(path);
  }
  Ran ran;
  std::string failure, mistakes;
  int states = 0;
  const Ended ended = run_program(command(words), [&](std::string_view line) {
    const auto event = nlohmann::json::parse(line, nullptr, false);
    if (!event.is_object()) return mistakes += line, true;
    const std::string kind = event.value("event", ""), stage = event.value("stage", "");
    if (kind == "resumed") ran.went_on = true;
    if (kind == "stage_failed")
      failure += (failure.empty() ? "" : "; ") + stage + ": " + event.value("message", "");
    if (kind != "metric") return true;
    const std::string name = event.at("name");
    if (event.value("step", -1) == 0)
      ran.first_step[stage][name] = event["value"].is_number() ? event["value"].get<double>() : NAN;
    states += stage == kill_in && name == "checkpoint/write_ms";
    return states < 2;
  });
  ran.killed = states >= 2 && ended.code == 128 + SIGKILL;
  if (ended.code == 0 || ran.killed) return ran;
  if (ended.code == kStoppedBySignal) throw std::runtime_error("lehr run was stopped");
  if (failure.empty()) failure = messages_of(mistakes);
  throw std::runtime_error("lehr run ended with exit code " + std::to_string(ended.code) + ": " +
                           (failure.empty() ? ended.said : failure));
}

fs::path Workshop::output(const std::string& name, const std::string& store) const {
  std::string path;
  const Ended ended =
      run_program(command({"store", "path", name, "--store", (folder_ / store).string()}),
                  [&](std::string_view line) { return path = line, true; });
  if (ended.code != 0) throw std::runtime_error("lehr store path " + name + ": " + ended.said);
  return path;
}

}  // namespace lehr::selftest
