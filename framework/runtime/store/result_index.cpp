#include "runtime/store/result_index.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <iterator>
#include <utility>

#include "runtime/store/run_log.h"
#include "runtime/store/sha256.h"

namespace lehr::runtime {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kPrefix = "results-", kHeader = "lehr results 1\n";
constexpr std::size_t kNameBytes = 1 + 64, kChecksumBytes = 64 + 1;
constexpr std::size_t kLargestFile = std::size_t{1} << 28;

std::string line_of(const nlohmann::ordered_json& json) {
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

// Tells a file from what it was before, and from others. A relative path begins in `folder`. Empty:
// it is not there.
std::string stamp_of(const std::string& path, int folder = AT_FDCWD) {
  struct stat info {};
  if (::fstatat(folder, path.c_str(), &info, 0) != 0) return "";
  const auto nanoseconds = [](const timespec& time) {
    return time.tv_sec * 1'000'000'000 + time.tv_nsec;
  };
  char buffer[96], *end = buffer;
  for (const std::int64_t number : {static_cast<std::int64_t>(info.st_ino), info.st_size,
                                    nanoseconds(info.st_mtim), nanoseconds(info.st_ctim)}) {
    end = std::to_chars(end, std::end(buffer), number).ptr;
    *end++ = ' ';
  }
  return {buffer, end - 1};
}

bool is_whole(std::string_view text) {
  if (!text.starts_with(kHeader) || text.size() < kHeader.size() + kChecksumBytes) return false;
  const std::string_view lines = text.substr(0, text.size() - kChecksumBytes);
  return text.ends_with('\n') && text.substr(lines.size(), 64) == sha256_hex(lines);
}

}  // namespace

ResultIndex::ResultIndex(const ArtifactStore& store, std::string_view pipeline)
    : store_(store),
      results_(open_file(store.root() / "results", O_PATH | O_DIRECTORY)),
      file_(store.root() / "cache" / std::string(kPrefix).append(folder_name(pipeline))) {}

void ResultIndex::load() try {
  if (std::exchange(loaded_, true)) return;
  text_ = read_file(file_, kLargestFile);
  if (!is_whole(text_)) return;
  std::string_view rest(text_);
  rest.remove_suffix(kChecksumBytes);
  rest.remove_prefix(kHeader.size());
  constexpr std::size_t kLineBytes = 256;  // at least, mostly
  lines_.reserve(rest.size() / kLineBytes);
  at_.reserve(rest.size() / kLineBytes);
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    if (line.size() <= kNameBytes) continue;
    at_[line.substr(0, kNameBytes)] = lines_.size();
    lines_.push_back({line});
  }
} catch (const IoError&) {  // a cache may be lost at any time
}

std::optional<StageResult> ResultIndex::find(std::string_view key) try {
  const std::string name = std::string("R").append(key);
  const std::string file = std::string(key).append(".json");
  const std::string stamp = stamp_of(file, results_.get());
  if (stamp.empty()) return store_.find_result(key);  // which says why
  load();
  const auto holds_outputs = [&](const StageResult& result) {
    return std::all_of(result.outputs.begin(), result.outputs.end(),
                       [&](const auto& output) { return holds(output.second.digest); });
  };
  if (const auto json = use(name, stamp)) {
    StageResult result = StageResult::parse(*json);
    if (result.key == key && holds_outputs(result)) return result;
  }
  auto result = store_.find_result(key);
  if (!result) return std::nullopt;
  result->key_parts.clear();
  // What changed meanwhile is looked at again the next time.
  if (stamp == stamp_of(file, results_.get()) && holds_outputs(*result))
    learn(name, stamp, line_of(result->to_json()));
  return result;
} catch (const StoreError&) {  // a line that is none
  return store_.find_result(key);
}

bool ResultIndex::holds(const std::string& digest) {
  if (held_.contains(digest)) return true;
  const std::string name = "A" + digest;
  const fs::path folder = store_.artifact_path(digest), file = folder / kArtifactFile;
  const std::string stamp = stamp_of(file);
  const auto known = use(name, stamp);
  const Artifact artifact = known ? Artifact::parse(*known) : store_.artifact(digest);
  if (artifact.digest() != digest || !damage(folder, artifact, false).empty()) return false;
  if (!known && stamp == stamp_of(file)) learn(name, stamp, line_of(artifact.to_json()));
  held_.insert(digest);
  return true;
}

std::optional<std::string_view> ResultIndex::use(const std::string& name, std::string_view stamp) {
  const auto found = at_.find(name);
  if (found == at_.end()) return std::nullopt;
  Line& line = lines_[found->second];
  std::string_view rest = line.text.substr(kNameBytes + 1);
  if (!rest.starts_with(stamp) || rest.substr(stamp.size(), 1) != " ") return std::nullopt;
  line.used = true;
  return rest.substr(stamp.size() + 1);
}

void ResultIndex::learn(const std::string& name, std::string_view stamp, std::string_view json) {
  const std::string& line = learnt_.emplace_back(name + " ").append(stamp).append(" ").append(json);
  const auto [at, fresh] = at_.try_emplace(std::string_view(line).substr(0, kNameBytes));
  if (fresh) {
    at->second = lines_.size();
    lines_.emplace_back();
  }
  lines_[at->second] = {line, true};
}

void ResultIndex::save() const try {
  if (learnt_.empty()) return;
  std::string text(kHeader);
  std::size_t used = 0, kept = 0;
  for (const Line& line : lines_)
    if (line.used) text.append(line.text).append("\n"), ++used;
  for (const Line& line : lines_)
    if (!line.used && kept++ < used) text.append(line.text).append("\n");
  text += sha256_hex(text) + "\n";
  make_folders(file_.parent_path());
  write_file_atomically(file_, text);
} catch (const IoError&) {  // then the next one opens the results again
}

void ResultIndex::remove_all(const ArtifactStore& store) {
  std::error_code error;
  for (fs::directory_iterator it(store.root() / "cache", error), end; !error && it != end;
       it.increment(error))
    if (it->path().filename().string().starts_with(kPrefix)) remove_tree(it->path());
}

}  // namespace lehr::runtime
