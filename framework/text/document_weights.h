// How much each document of an encoded corpus counts in a loss: SPLIT.weights beside the shards of
// the split (token_shards.h), a float32 per document in their order, little-endian. Without the
// file every document counts 1.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/documents.h"

namespace lehr::text {

class DocumentWeightWriter {
 public:
  // Keeps those of the first `documents` of what is there, for a stage that goes on. Without any
  // there is no file.
  DocumentWeightWriter(const std::filesystem::path& folder, std::string_view split,
                       std::uint64_t documents);
  void add(std::span<const float> weights);
  // All that was added is with the operating system when this returns. Throws lehr::Error.
  void flush();

 private:
  std::filesystem::path path_;
  std::uint64_t kept_;  // bytes
  std::optional<FrameFile> file_;
  std::string waiting_;
};

bool has_document_weights(const std::filesystem::path& folder, std::string_view split);
// One for each of `documents`; none where there is no file. Throws lehr::Error if there are not as
// many, or one is no finite number of 0 or more.
std::vector<float> read_document_weights(const std::filesystem::path& folder,
                                         std::string_view split, std::uint64_t documents);

}  // namespace lehr::text
