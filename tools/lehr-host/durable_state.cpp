#include "durable_state.h"

#include <algorithm>
#include <cerrno>
#include <charconv>

#include "runtime/store/artifact.h"
#include "runtime/store/checked_json.h"
#include "runtime/store/durable_file.h"

namespace lehr::host {
namespace fs = std::filesystem;
using runtime::StoreError;
using Json = nlohmann::ordered_json;
namespace {

constexpr const char* kStateFile = "state.json";

// Reads and checks everything about a committed state. Throws StoreError or IoError if any byte is
// not as committed.
Json checked_state(const fs::path& folder) try {
  Json state = runtime::read_checked_json(folder / kStateFile);
  if (state.at("format") != 1)
    throw StoreError("'" + folder.string() + "' was written by a newer Lehr");
  const std::string key = folder.parent_path().parent_path().filename();
  if (state.value("key", key) != key)  // folders are passed on, and a power loss may mix them up
    throw StoreError("'" + folder.string() + "' belongs to another stage");
  const std::string why =
      runtime::damage(folder / "data", runtime::Artifact::parse(state.at("data").dump()), true);
  if (!why.empty()) throw StoreError(why);
  return state;
} catch (const Json::exception& e) {
  throw StoreError("'" + (folder / kStateFile).string() + "' is malformed: " + e.what());
}

}  // namespace

DurableState::DurableState(fs::path work_folder) : work_(std::move(work_folder)) {}

fs::path DurableState::folder(std::uint64_t number) const {
  std::string name = std::to_string(number);
  return work_ / "state" / (std::string(8 - std::min<std::size_t>(8, name.size()), '0') + name);
}

std::optional<DurableState::State> DurableState::resume(
    const std::vector<std::string>& ports, const std::function<void(const std::string&)>& warn) {
  const std::lock_guard lock(mutex_);
  std::vector<std::uint64_t> numbers;
  std::error_code no_state;
  fs::directory_iterator states(work_ / "state", no_state);
  if (no_state && no_state.value() != ENOENT)
    throw runtime::IoError("cannot list", work_ / "state", no_state.value());
  for (const auto& entry : states) {
    const std::string name = entry.path().filename().string();
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
    const bool committed = error == std::errc() && end == name.data() + name.size() &&
                           fs::exists(entry.path() / kStateFile);
    if (committed)
      numbers.push_back(number);
    else
      runtime::remove_tree(entry.path());
  }
  std::sort(numbers.begin(), numbers.end());
  if (!numbers.empty()) runtime::make_folders(work_ / "out");

  // Newest first, until one is whole.
  std::uint64_t usable = 0;
  while (!numbers.empty() && usable == 0) {
    const std::uint64_t number = numbers.back();
    next_ = std::max(next_, number + 1);
    try {
      seconds_before_ = checked_state(folder(number)).value("seconds", 0.0);  // older: none
      restore_outputs(folder(number) / kStateFile);
      usable = number;
    } catch (const std::exception& e) {
      warn("a checkpoint is not usable, going back further: " + std::string(e.what()));
      runtime::remove_tree(folder(number));
      numbers.pop_back();
    }
  }
  for (const std::uint64_t number : numbers) {
    try {
      tags_[number] = runtime::read_checked_json(folder(number) / kStateFile).at("tag");
    } catch (const std::exception&) {
      runtime::remove_tree(folder(number));
    }
  }
  if (usable == 0) runtime::empty_folder(work_ / "out");
  for (const std::string& port : ports) runtime::make_folders(output(port));
  begin_ = std::chrono::steady_clock::now();
  if (usable == 0) seconds_before_ = 0;
  if (usable == 0) return std::nullopt;
  return State{tags_.at(usable), folder(usable) / "data"};
}

void DurableState::restore_outputs(const fs::path& state_file) {
  const Json state = runtime::read_checked_json(state_file);
  const auto lengths = state.at("outputs").get<std::map<std::string, std::uint64_t>>();
  const Json sums = state.value("output_sums", Json::object());  // older ones have none
  for (const auto& [name, length] : lengths) {
    const std::string sum = output_sums_.of(work_ / "out" / name, length);
    if (sums.contains(name) && sums.at(name) != sum)
      throw StoreError("the content of '" + (work_ / "out" / name).string() + "' has changed");
  }
  std::vector<fs::path> newer;
  for (const auto& entry : fs::recursive_directory_iterator(work_ / "out"))
    if (!entry.is_directory() &&
        !lengths.contains(entry.path().lexically_relative(work_ / "out").generic_string()))
      newer.push_back(entry.path());
  for (const fs::path& path : newer) runtime::remove_tree(path);
  for (const auto& [name, length] : lengths)
    if (fs::file_size(work_ / "out" / name) > length) fs::resize_file(work_ / "out" / name, length);
}

std::map<std::string, std::uint64_t> DurableState::output_lengths() const {
  std::map<std::string, std::uint64_t> lengths;
  for (const auto& entry : fs::recursive_directory_iterator(work_ / "out"))
    if (entry.is_regular_file())
      lengths[entry.path().lexically_relative(work_ / "out").generic_string()] = entry.file_size();
  return lengths;
}

fs::path DurableState::begin() {
  const std::lock_guard lock(mutex_);
  runtime::remove_tree(work_ / "state" / "pending");
  runtime::make_folders(work_ / "state" / "pending" / "data");
  return work_ / "state" / "pending" / "data";
}

void DurableState::commit(std::string_view tag, const std::vector<std::string>& keep_tags) {
  const std::lock_guard lock(mutex_);
  const fs::path pending = work_ / "state" / "pending";
  if (!fs::exists(pending / "data")) throw StoreError("a state is committed that was not begun");
  const auto lengths = output_lengths();  // before the sync: what comes later is not promised
  Json sums = Json::object();
  for (const auto& [name, length] : lengths)
    sums[name] = output_sums_.of(work_ / "out" / name, length);
  std::future<void> outputs_on_disk = runtime::start_fsync_tree(work_ / "out"),
                    data_on_disk = runtime::start_fsync_tree(pending);
  const Json state = {
      {"format", 1},
      {"key", work_.filename().string()},
      {"tag", tag},
      {"seconds", seconds()},
      {"outputs", lengths},
      {"output_sums", sums},
      {"data", runtime::describe_folder(pending / "data", "state", {}, 1).to_json()}};
  runtime::write_file_atomically(pending / kStateFile, runtime::checked_json(state));
  outputs_on_disk.get();
  data_on_disk.get();
  runtime::fsync_tree(work_ / "out");
  runtime::fsync_tree(pending);
  const std::uint64_t number = next_++;
  runtime::rename_path(pending, folder(number));
  runtime::fsync_path(work_ / "state");
  if (!reachable_) {
    runtime::fsync_path(work_);
    runtime::fsync_path(work_.parent_path());
    reachable_ = true;
  }
  tags_[number] = tag;

  for (auto it = tags_.begin(); it != tags_.end();) {
    const bool superseded = it->second == tag || std::find(keep_tags.begin(), keep_tags.end(),
                                                           it->second) == keep_tags.end();
    if (it->first == number || !superseded) {
      ++it;
      continue;
    }
    fs::remove(folder(it->first) / kStateFile);  // first, so that a half-removed state is none
    runtime::remove_tree(folder(it->first));
    it = tags_.erase(it);
  }
}

double DurableState::seconds() const {
  const std::chrono::duration<double> now = std::chrono::steady_clock::now() - begin_;
  return seconds_before_ + now.count();
}

std::optional<DurableState::State> DurableState::latest() const {
  const std::lock_guard lock(mutex_);
  if (tags_.empty()) return std::nullopt;
  return State{tags_.rbegin()->second, folder(tags_.rbegin()->first) / "data"};
}

std::optional<DurableState::State> DurableState::find(std::string_view tag) const {
  const std::lock_guard lock(mutex_);
  for (auto it = tags_.rbegin(); it != tags_.rend(); ++it)
    if (it->second == tag) {
      checked_state(folder(it->first));
      return State{it->second, folder(it->first) / "data"};
    }
  return std::nullopt;
}

}  // namespace lehr::host
