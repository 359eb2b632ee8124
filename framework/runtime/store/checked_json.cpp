#include "runtime/store/checked_json.h"

#include "runtime/store/artifact.h"
#include "runtime/store/durable_file.h"
#include "runtime/store/sha256.h"

namespace lehr::runtime {
namespace {

constexpr auto kReplace = nlohmann::ordered_json::error_handler_t::replace;

std::string checksum(const nlohmann::ordered_json& json) {
  return sha256_hex(json.dump(-1, ' ', false, kReplace));
}

}  // namespace

std::string checked_json(nlohmann::ordered_json json) {
  // Through text and back, so that what is summed is what a reader will see.
  json = nlohmann::ordered_json::parse(json.dump(-1, ' ', false, kReplace));
  json["checksum"] = checksum(json);
  return json.dump(1, ' ', false, kReplace) + "\n";
}

nlohmann::ordered_json read_checked_json(const std::filesystem::path& path) {
  const auto damaged = [&](const std::string& why) {
    return StoreError("'" + path.string() + "' is damaged: " + why);
  };
  auto json = nlohmann::ordered_json::parse(read_file(path, std::size_t{1} << 28), nullptr, false);
  if (!json.is_object() || !json.contains("checksum"))
    throw damaged("it is not a JSON object with a checksum");
  const nlohmann::ordered_json said = json["checksum"];
  json.erase("checksum");
  if (said != checksum(json)) throw damaged("its checksum does not fit");
  return json;
}

}  // namespace lehr::runtime
