// JSON files that know when they were damaged: an object whose last member, "checksum", is the
// SHA-256 of all the text before it. Files of the first versions, where it is that of the other
// members without any white space, are still read.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

namespace lehr::runtime {

// The text of the file; `json` is an object that is not empty.
std::string checked_json(const nlohmann::ordered_json& json);
// The text of the object without its checksum. Throws IoError; StoreError if it is damaged.
std::string read_checked_text(const std::filesystem::path& path);
// The same, parsed.
nlohmann::ordered_json read_checked_json(const std::filesystem::path& path);

}  // namespace lehr::runtime
