#include "runtime/store/checked_json.h"

#include "runtime/store/artifact.h"
#include "runtime/store/durable_file.h"
#include "runtime/store/json_tree.h"
#include "runtime/store/sha256.h"
#include "text/strict_json.h"

namespace lehr::runtime {
namespace {

using Json = nlohmann::ordered_json;
constexpr auto kReplace = Json::error_handler_t::replace;

constexpr std::string_view kBefore = ",\n \"checksum\": \"", kAfter = "\"\n}\n";
constexpr std::size_t kTailBytes = kBefore.size() + 64 + kAfter.size();

// True if `text` ends in the checksum of what is before it.
bool is_whole(std::string_view text) {
  if (text.size() <= kTailBytes) return false;
  const std::string_view body = text.substr(0, text.size() - kTailBytes),
                         tail = text.substr(body.size());
  return tail.starts_with(kBefore) && tail.ends_with(kAfter) &&
         tail.substr(kBefore.size(), 64) == sha256_hex(body);
}

StoreError damaged(const std::filesystem::path& path, const std::string& why) {
  return StoreError("'" + path.string() + "' is damaged: " + why);
}

Json parsed(const std::filesystem::path& path, std::string_view text) {
  try {
    return parse_json_tree(text);
  } catch (const text::JsonError& e) {
    throw damaged(path, e.what());
  }
}

}  // namespace

std::string checked_json(const Json& json) {
  std::string text = json.dump(1, ' ', false, kReplace);
  text.resize(text.size() - std::string_view("\n}").size());
  const std::string sum = sha256_hex(text);
  return text.append(kBefore).append(sum).append(kAfter);
}

std::string read_checked_text(const std::filesystem::path& path) {
  std::string text = read_file(path, std::size_t{1} << 28);
  if (is_whole(text)) {
    text.resize(text.size() - kTailBytes);
    return text += "\n}";
  }
  Json json = parsed(path, text);
  if (!json.is_object() || !json.contains("checksum"))
    throw damaged(path, "it is not a JSON object with a checksum");
  const Json said = json["checksum"];
  json.erase("checksum");
  if (said != sha256_hex(json.dump(-1, ' ', false, kReplace)))
    throw damaged(path, "its checksum does not fit");
  return json.dump();
}

Json read_checked_json(const std::filesystem::path& path) {
  Json json = parsed(path, read_checked_text(path));
  if (!json.is_object()) throw damaged(path, "it is not a JSON object");
  return json;
}

}  // namespace lehr::runtime
