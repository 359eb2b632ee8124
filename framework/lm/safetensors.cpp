#include "lm/safetensors.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "text/strict_json.h"

namespace lehr::lm {
namespace {

using nlohmann::json;

constexpr uint64_t kMaxHeaderBytes = 100'000'000;
constexpr size_t kMaxDepth = 4;  // values: as many as the bytes hold
constexpr uint64_t kMostBytes = std::numeric_limits<int64_t>::max();  // also before a side of 0

struct DTypeName {
  DType dtype;
  const char* name;
  size_t bytes;
};
constexpr DTypeName kDTypes[] = {{DType::kF32, "F32", 4}, {DType::kBF16, "BF16", 2},
                                 {DType::kF16, "F16", 2}, {DType::kI64, "I64", 8},
                                 {DType::kI32, "I32", 4}, {DType::kU8, "U8", 1}};

const DTypeName& facts(DType dtype) {
  return *std::find_if(std::begin(kDTypes), std::end(kDTypes),
                       [&](const DTypeName& d) { return d.dtype == dtype; });
}

json parse_header(std::string_view header) try {
  return text::parse_json<json>(header, {kMaxDepth, kMaxHeaderBytes});
} catch (const text::JsonError& error) {
  throw std::runtime_error(std::string("the header: ") + error.what());
}

uint64_t unsigned_number(const json& value, const std::string& name) {
  if (!value.is_number_unsigned()) {
    throw std::runtime_error("tensor '" + name + "' has " + value.dump() +
                             " where a size or offset belongs");
  }
  return value.get<uint64_t>();
}

TensorEntry parse_entry(const std::string& name, const json& value, const std::byte* data,
                        uint64_t data_bytes) {
  const auto refuse = [&](const std::string& what) {
    throw std::runtime_error("tensor '" + name + "' " + what);
  };
  if (!value.is_object() || value.size() != 3 || !value.contains("dtype") ||
      !value.contains("shape") || !value.contains("data_offsets")) {
    refuse("must have exactly dtype, shape and data_offsets");
  }
  TensorEntry entry;
  entry.name = name;
  const json& dtype = value["dtype"];
  const auto known = std::find_if(std::begin(kDTypes), std::end(kDTypes),
                                  [&](const DTypeName& d) { return dtype == d.name; });
  if (known == std::end(kDTypes)) refuse("has dtype " + dtype.dump() + ", which is not supported");
  entry.dtype = known->dtype;

  if (!value["shape"].is_array()) refuse("has a shape that is not a list");
  uint64_t bytes = known->bytes;
  for (const json& side : value["shape"]) {
    const uint64_t length = unsigned_number(side, name);
    if (__builtin_mul_overflow(bytes, length, &bytes) || length > kMostBytes ||
        bytes > kMostBytes) {
      refuse("has shape " + value["shape"].dump() + ", which overflows");
    }
    entry.shape.push_back(static_cast<int64_t>(length));
  }
  const json& offsets = value["data_offsets"];
  if (!offsets.is_array() || offsets.size() != 2) refuse("has malformed data_offsets");
  const uint64_t begin = unsigned_number(offsets[0], name);
  const uint64_t end = unsigned_number(offsets[1], name);
  if (begin > end || end > data_bytes) {
    refuse("lies at " + offsets.dump() + ", outside the data of " + std::to_string(data_bytes) +
           " bytes");
  }
  if (end - begin != bytes) {
    refuse("spans " + std::to_string(end - begin) + " bytes, its shape needs " +
           std::to_string(bytes));
  }
  entry.data = data + begin;
  entry.bytes = bytes;
  return entry;
}

void check_no_holes(const std::vector<TensorEntry>& entries, const std::byte* data,
                    uint64_t data_bytes) {
  const std::byte* expected = data;
  for (const TensorEntry& entry : entries) {
    if (entry.data != expected) {
      throw std::runtime_error("tensor '" + entry.name +
                               "' overlaps its neighbour or leaves a hole");
    }
    expected += entry.bytes;
  }
  if (expected != data + data_bytes) throw std::runtime_error("bytes follow the last tensor");
}

}  // namespace

size_t dtype_bytes(DType dtype) { return facts(dtype).bytes; }
std::string dtype_name(DType dtype) { return facts(dtype).name; }

int64_t TensorEntry::elements() const {
  int64_t count = 1;
  for (const int64_t side : shape) count *= side;
  return count;
}

SafetensorsFile::SafetensorsFile(const std::filesystem::path& path) : file_(path) {
  const uint64_t size = file_.bytes().size();
  try {
    if (size < 8) throw std::runtime_error("not a safetensors file: shorter than 8 bytes");
    const char* start = reinterpret_cast<const char*>(file_.bytes().data());
    uint64_t header_bytes = 0;
    std::memcpy(&header_bytes, start, 8);
    if (header_bytes > kMaxHeaderBytes || header_bytes > size - 8) {
      throw std::runtime_error("the header claims " + std::to_string(header_bytes) +
                               " bytes; the file has " + std::to_string(size) +
                               " and headers end at " + std::to_string(kMaxHeaderBytes));
    }
    if (header_bytes == 0 || start[8] != '{') throw std::runtime_error("the header is not json");
    const json header = parse_header({start + 8, header_bytes});
    const std::byte* data = reinterpret_cast<const std::byte*>(start) + 8 + header_bytes;
    const uint64_t data_bytes = size - 8 - header_bytes;
    for (const auto& [name, value] : header.items()) {
      if (name == "__metadata__") {
        for (const auto& [key, text] : value.items()) {
          if (!text.is_string())
            throw std::runtime_error("__metadata__ holds " + text.dump() + " where a text belongs");
          metadata_[key] = text.get<std::string>();
        }
      } else {
        entries_.push_back(parse_entry(name, value, data, data_bytes));
      }
    }
    std::stable_sort(entries_.begin(), entries_.end(),
                     [](const TensorEntry& a, const TensorEntry& b) {
                       return a.data != b.data ? a.data < b.data : a.bytes < b.bytes;
                     });
    check_no_holes(entries_, data, data_bytes);
    for (size_t i = 0; i < entries_.size(); ++i) index_[entries_[i].name] = i;
  } catch (const std::exception& error) {
    throw std::runtime_error(path.string() + ": " + error.what());
  }
}

const TensorEntry* SafetensorsFile::find(const std::string& name) const {
  const auto found = index_.find(name);
  return found == index_.end() ? nullptr : &entries_[found->second];
}

const TensorEntry& SafetensorsFile::at(const std::string& name) const {
  if (const TensorEntry* entry = find(name)) return *entry;
  throw std::runtime_error(path().string() + ": no tensor '" + name + "'");
}

void write_safetensors(const std::filesystem::path& path, const std::vector<TensorEntry>& entries,
                       const std::map<std::string, std::string>& metadata,
                       const EntryReader& read) {
  nlohmann::ordered_json header;
  header["__metadata__"] = metadata;
  header["__metadata__"]["format"] = "pt";
  uint64_t offset = 0;
  for (const TensorEntry& entry : entries) {
    if (entry.bytes != static_cast<size_t>(entry.elements()) * dtype_bytes(entry.dtype)) {
      throw std::invalid_argument("tensor '" + entry.name + "': its bytes do not fit its shape");
    }
    if (header.contains(entry.name)) {
      throw std::invalid_argument("tensor '" + entry.name + "' is given twice");
    }
    header[entry.name] = {{"dtype", dtype_name(entry.dtype)},
                          {"shape", entry.shape},
                          {"data_offsets", {offset, offset + entry.bytes}}};
    offset += entry.bytes;
  }
  std::string text = header.dump();
  text.resize((text.size() + 8 + 63) / 64 * 64 - 8, ' ');

  DurableFile file(path);
  const uint64_t header_bytes = text.size();
  file.write(&header_bytes, 8);
  file.write(text.data(), text.size());
  const auto write = [&](const std::byte* data, size_t bytes) { file.write(data, bytes); };
  for (const TensorEntry& entry : entries) {
    if (read)
      read(entry, write);
    else
      write(entry.data, entry.bytes);
  }
  file.commit();
}

}  // namespace lehr::lm
