// GGUF files (llama.cpp's format, versions 2 and 3, little-endian): typed metadata and tensors,
// some quantized in blocks. The reader treats every number as hostile and maps the file; the writer
// makes version 3. What names and keys mean for a model is gguf_model.h's business.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "lm/mapped_file.h"

namespace lehr::lm {

// The numbers are the format's.
enum class GgmlType : uint32_t {
  kF32 = 0,
  kF16 = 1,
  kQ4_0 = 2,
  kQ4_1 = 3,
  kQ8_0 = 8,
  kQ6_K = 14,
  kBF16 = 30,
};
std::string ggml_type_name(GgmlType type);  // "Q8_0"
int64_t ggml_block_size(GgmlType type);     // values that share a block; 1 where there are none
int64_t ggml_block_bytes(GgmlType type);

// Values of `count` (a multiple of the block size) quantized ones.
void dequantize(GgmlType type, const std::byte* from, float* to, int64_t count);
// The other way, for F32, F16, BF16 and Q8_0 (rounded as llama.cpp's converter does). Throws
// std::invalid_argument for other types.
void quantize(GgmlType type, const float* from, std::byte* to, int64_t count);

struct GgufTensor {
  std::string name;
  GgmlType type = GgmlType::kF32;
  std::vector<int64_t> shape;       // outermost first, as in safetensors; rows are whole blocks
  const std::byte* data = nullptr;  // in the mapped file; not used when writing

  int64_t elements() const;
  std::size_t bytes() const;
};

// Written as bool, uint32, float32, string, and arrays of string, int32 and float32.
using GgufValue = std::variant<bool, int64_t, double, std::string, std::vector<std::string>,
                               std::vector<int64_t>, std::vector<double>>;
using GgufMetadata = std::vector<std::pair<std::string, GgufValue>>;

class GgufFile {
 public:
  // Throws std::runtime_error: what is wrong, in which file.
  explicit GgufFile(const std::filesystem::path& path);

  const std::vector<GgufTensor>& tensors() const { return tensors_; }
  const GgufTensor* find(const std::string& name) const;  // nullptr: absent
  // nullptr where the key is absent or its value is of another kind.
  template <class T>
  const T* get(const std::string& key) const {
    const auto found = metadata_.find(key);
    return found == metadata_.end() ? nullptr : std::get_if<T>(&found->second);
  }
  // Throw std::runtime_error naming the key where it is absent or of another kind.
  int64_t integer(const std::string& key) const;
  double real(const std::string& key) const;
  const std::string& text(const std::string& key) const;
  const std::filesystem::path& path() const { return file_.path(); }

 private:
  MappedFile file_;
  std::map<std::string, GgufValue> metadata_;
  std::vector<GgufTensor> tensors_;
  std::map<std::string, std::size_t> index_;
};

// fill(i, to) makes the data of tensor i, one after the other, so that only one is in memory.
// Durable: see DurableFile. Throws std::invalid_argument for a value its type cannot hold.
void write_gguf(const std::filesystem::path& path, const GgufMetadata& metadata,
                const std::vector<GgufTensor>& tensors,
                const std::function<void(std::size_t, std::byte*)>& fill);

}  // namespace lehr::lm
