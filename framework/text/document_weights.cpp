#include "text/document_weights.h"

#include <lehr/value.h>

#include <bit>
#include <cmath>
#include <fstream>

namespace lehr::text {
namespace {

constexpr std::size_t kTogether = 1 << 16;  // bytes that are written at a time
static_assert(std::endian::native == std::endian::little, "weights are written as memory is");

std::filesystem::path weights_file(const std::filesystem::path& folder, std::string_view split) {
  return folder / (std::string(split) + ".weights");
}

}  // namespace

DocumentWeightWriter::DocumentWeightWriter(const std::filesystem::path& folder,
                                           std::string_view split, std::uint64_t documents)
    : path_(weights_file(folder, split)), kept_(documents * sizeof(float)) {
  if (documents > 0) file_.emplace(path_, kept_);
}

void DocumentWeightWriter::add(std::span<const float> weights) {
  waiting_.append(reinterpret_cast<const char*>(weights.data()), weights.size_bytes());
  if (waiting_.size() >= kTogether) flush();
}

void DocumentWeightWriter::flush() {
  if (waiting_.empty()) return;
  if (!file_) file_.emplace(path_);
  file_->append(waiting_);
  waiting_.clear();
}

bool has_document_weights(const std::filesystem::path& folder, std::string_view split) {
  return std::filesystem::exists(weights_file(folder, split));
}

std::vector<float> read_document_weights(const std::filesystem::path& folder,
                                         std::string_view split, std::uint64_t documents) {
  const std::filesystem::path path = weights_file(folder, split);
  if (!std::filesystem::exists(path)) return {};
  if (std::filesystem::file_size(path) != documents * sizeof(float))
    throw Error("'" + path.string() + "': it does not hold a weight for each of " +
                std::to_string(documents) + " documents");
  std::vector<float> weights(documents);
  std::ifstream file(path, std::ios::binary);
  file.read(reinterpret_cast<char*>(weights.data()),
            static_cast<std::streamsize>(documents * sizeof(float)));
  if (!file) throw Error("cannot read '" + path.string() + "'");
  for (std::size_t i = 0; i < weights.size(); ++i)
    if (!std::isfinite(weights[i]) || weights[i] < 0)
      throw Error("'" + path.string() + "': the weight of document " + std::to_string(i) + " is " +
                  std::to_string(weights[i]) + ", not a number of 0 or more");
  return weights;
}

}  // namespace lehr::text
