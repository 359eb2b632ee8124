// safetensors files: u64 little-endian header length, JSON header, data. The reader is strict
// (sizes checked with overflow, no holes, overlaps, duplicate or unknown keys, header capped at 100
// MB) and maps the file; the writer aligns data to 64 bytes, fsyncs and renames.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "lm/mapped_file.h"

namespace lehr::lm {

enum class DType { kF32, kBF16, kF16, kI64, kI32, kU8 };
size_t dtype_bytes(DType dtype);
std::string dtype_name(DType dtype);  // "F32", "BF16", ...

struct TensorEntry {
  std::string name;
  DType dtype = DType::kF32;
  std::vector<int64_t> shape;
  const std::byte* data = nullptr;  // not owned
  size_t bytes = 0;

  int64_t elements() const;
};

// A mapped file; entries point into the mapping, which lives as long as the reader.
class SafetensorsFile {
 public:
  // Throws std::runtime_error: what is wrong, in which file.
  explicit SafetensorsFile(const std::filesystem::path& path);

  const std::vector<TensorEntry>& entries() const { return entries_; }  // by ascending offset
  const TensorEntry* find(const std::string& name) const;               // nullptr: absent
  const TensorEntry& at(const std::string& name) const;                 // throws when absent
  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  const std::filesystem::path& path() const { return file_.path(); }

 private:
  MappedFile file_;
  std::vector<TensorEntry> entries_;
  std::map<std::string, size_t> index_;
  std::map<std::string, std::string> metadata_;
};

// Hands an entry's bytes to `write`, in pieces.
using EntryReader =
    std::function<void(const TensorEntry& entry,
                       const std::function<void(const std::byte* data, size_t bytes)>& write)>;

// Writes path.partial, fsyncs, renames to path and fsyncs the folder. {"format":"pt"} is added to
// the metadata. Entries are written in the given order; `read` empty: their bytes as they are.
void write_safetensors(const std::filesystem::path& path, const std::vector<TensorEntry>& entries,
                       const std::map<std::string, std::string>& metadata = {},
                       const EntryReader& read = {});

}  // namespace lehr::lm
