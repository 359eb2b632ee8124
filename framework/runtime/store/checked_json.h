// JSON files that know when they were damaged: an object with the SHA-256 of the rest of itself as
// its last member, "checksum".
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

namespace lehr::runtime {

// The text of the file; `json` is an object.
std::string checked_json(nlohmann::ordered_json json);
// The object without its checksum. Throws IoError; StoreError if it is damaged.
nlohmann::ordered_json read_checked_json(const std::filesystem::path& path);

}  // namespace lehr::runtime
