// Layout: "GGUF", u32 version, u64 tensors, u64 keys; keys: string, u32 kind, value; tensors:
// string, u32 dimensions, u64 sides (innermost first), u32 type, u64 offset; padding; data. A
// string is a u64 length and bytes, an array a u32 kind, a u64 length and values.
#include "lm/gguf.h"

#include <cstring>
#include <limits>
#include <stdexcept>

#include "lm/gguf_layout.h"

namespace lehr::lm {

using namespace gguf;

namespace {

// Takes values off the front of the file.
class Cursor {
 public:
  explicit Cursor(std::span<const std::byte> bytes) : bytes_(bytes) {}

  template <class T>
  T take() {
    T value;
    std::memcpy(&value, take_bytes(sizeof(T)), sizeof(T));
    return value;
  }
  std::string take_string() {
    const auto length = take<uint64_t>();
    const std::byte* data = take_bytes(length);
    return {reinterpret_cast<const char*>(data), static_cast<std::size_t>(length)};
  }
  // A number of things each of which takes at least `smallest` bytes.
  uint64_t take_count(uint64_t smallest, const char* what) {
    const auto count = take<uint64_t>();
    if (count > left() / smallest)
      throw std::runtime_error("claims " + std::to_string(count) + " " + what + "; " +
                               std::to_string(left()) + " bytes are left");
    return count;
  }
  uint64_t position() const { return at_; }
  uint64_t left() const { return bytes_.size() - at_; }

 private:
  const std::byte* take_bytes(uint64_t count) {
    if (count > left())
      throw std::runtime_error("ends at byte " + std::to_string(bytes_.size()) +
                               ", in the middle of its header");
    const std::byte* data = bytes_.data() + at_;
    at_ += count;
    return data;
  }

  std::span<const std::byte> bytes_;
  uint64_t at_ = 0;
};

bool is_integer(uint32_t kind) { return kind <= kI32 || kind == kU64 || kind == kI64; }
bool is_real(uint32_t kind) { return kind == kFloat32 || kind == kFloat64; }

int64_t take_integer(Cursor& from, uint32_t kind) {
  switch (kind) {
    case kU8:
      return from.take<uint8_t>();
    case kI8:
      return from.take<int8_t>();
    case kU16:
      return from.take<uint16_t>();
    case kI16:
      return from.take<int16_t>();
    case kU32:
      return from.take<uint32_t>();
    case kI32:
      return from.take<int32_t>();
    case kI64:
      return from.take<int64_t>();
    default: {
      const auto value = from.take<uint64_t>();
      if (value > static_cast<uint64_t>(std::numeric_limits<int64_t>::max()))
        throw std::runtime_error("holds the number " + std::to_string(value) +
                                 ", which is too large");
      return static_cast<int64_t>(value);
    }
  }
}

double take_real(Cursor& from, uint32_t kind) {
  return kind == kFloat32 ? static_cast<double>(from.take<float>()) : from.take<double>();
}

GgufValue take_array(Cursor& from) {
  const auto kind = from.take<uint32_t>();
  const uint64_t count = from.take_count(kind == kString ? 8 : 1, "array elements");
  if (kind == kString) {
    std::vector<std::string> texts;
    for (uint64_t i = 0; i < count; ++i) texts.push_back(from.take_string());
    return texts;
  }
  if (is_real(kind)) {
    std::vector<double> reals;
    for (uint64_t i = 0; i < count; ++i) reals.push_back(take_real(from, kind));
    return reals;
  }
  if (!is_integer(kind) && kind != kBool)
    throw std::runtime_error("holds an array of kind " + std::to_string(kind) +
                             ", which is not supported");
  std::vector<int64_t> integers;
  for (uint64_t i = 0; i < count; ++i)
    integers.push_back(take_integer(from, kind == kBool ? uint32_t{kU8} : kind));
  return integers;
}

GgufValue take_value(Cursor& from) {
  const auto kind = from.take<uint32_t>();
  if (kind == kBool) return from.take<uint8_t>() != 0;
  if (kind == kString) return from.take_string();
  if (kind == kArray) return take_array(from);
  if (is_real(kind)) return take_real(from, kind);
  if (is_integer(kind)) return take_integer(from, kind);
  throw std::runtime_error("holds a value of kind " + std::to_string(kind) +
                           ", which the format does not have");
}

// The tensor, and where its data begins among all data.
std::pair<GgufTensor, uint64_t> take_tensor(Cursor& from) {
  GgufTensor tensor;
  tensor.name = from.take_string();
  const auto refuse = [&](const std::string& what) {
    throw std::runtime_error("tensor '" + tensor.name + "' " + what);
  };
  const auto sides = from.take<uint32_t>();
  if (sides == 0 || sides > 4)
    refuse("has " + std::to_string(sides) + " dimensions; 1 to 4 are known");
  uint64_t elements = 1;
  for (uint32_t i = 0; i < sides; ++i) {
    const auto side = from.take<uint64_t>();
    if (side == 0 || __builtin_mul_overflow(elements, side, &elements) || elements >> 56 != 0)
      refuse("has a shape that overflows");
    tensor.shape.insert(tensor.shape.begin(), static_cast<int64_t>(side));
  }
  tensor.type = static_cast<GgmlType>(from.take<uint32_t>());
  try {
    if (tensor.shape.back() % ggml_block_size(tensor.type) != 0)
      refuse("has rows of " + std::to_string(tensor.shape.back()) + ", not whole blocks of " +
             ggml_type_name(tensor.type));
  } catch (const std::runtime_error& error) {
    throw std::runtime_error("tensor '" + tensor.name + "': " + error.what());
  }
  return {std::move(tensor), from.take<uint64_t>()};
}

}  // namespace

int64_t GgufTensor::elements() const {
  int64_t count = 1;
  for (const int64_t side : shape) count *= side;
  return count;
}

std::size_t GgufTensor::bytes() const {
  return static_cast<std::size_t>(elements() / ggml_block_size(type) * ggml_block_bytes(type));
}

GgufFile::GgufFile(const std::filesystem::path& path) : file_(path) {
  try {
    Cursor from(file_.bytes());
    if (from.left() < 4 || std::memcmp(file_.bytes().data(), "GGUF", 4) != 0)
      throw std::runtime_error("is not a GGUF file");
    from.take<uint32_t>();
    if (const auto version = from.take<uint32_t>(); version != 2 && version != 3)
      throw std::runtime_error("has version " + std::to_string(version) + "; 2 and 3 are known");
    const uint64_t tensors = from.take_count(24, "tensors");
    const uint64_t keys = from.take_count(13, "keys");
    for (uint64_t i = 0; i < keys; ++i) {
      const std::string key = from.take_string();
      if (!metadata_.emplace(key, take_value(from)).second)
        throw std::runtime_error("has key '" + key + "' twice");
    }
    std::vector<uint64_t> offsets;
    for (uint64_t i = 0; i < tensors; ++i) {
      auto [tensor, offset] = take_tensor(from);
      if (!index_.emplace(tensor.name, tensors_.size()).second)
        throw std::runtime_error("has tensor '" + tensor.name + "' twice");
      tensors_.push_back(std::move(tensor));
      offsets.push_back(offset);
    }
    const int64_t* given = get<int64_t>("general.alignment");
    const uint64_t alignment = given != nullptr ? static_cast<uint64_t>(*given) : kDefaultAlignment;
    if (alignment == 0 || alignment > (1 << 20) || (alignment & (alignment - 1)) != 0)
      throw std::runtime_error("aligns data to " + std::to_string(alignment));
    const uint64_t begin = (from.position() + alignment - 1) / alignment * alignment;
    const uint64_t room = begin <= file_.bytes().size() ? file_.bytes().size() - begin : 0;
    for (std::size_t i = 0; i < tensors_.size(); ++i) {
      if (offsets[i] > room || tensors_[i].bytes() > room - offsets[i])
        throw std::runtime_error("tensor '" + tensors_[i].name + "' lies outside the file");
      tensors_[i].data = file_.bytes().data() + begin + offsets[i];
    }
  } catch (const std::exception& error) {
    throw std::runtime_error(path.string() + ": " + error.what());
  }
}

const GgufTensor* GgufFile::find(const std::string& name) const {
  const auto found = index_.find(name);
  return found == index_.end() ? nullptr : &tensors_[found->second];
}

namespace {
template <class T>
const T& need(const GgufFile& file, const std::string& key, const char* kind) {
  if (const T* value = file.get<T>(key)) return *value;
  throw std::runtime_error(file.path().string() + ": has no key '" + key + "' with " + kind);
}
}  // namespace

int64_t GgufFile::integer(const std::string& key) const {
  return need<int64_t>(*this, key, "a whole number");
}
double GgufFile::real(const std::string& key) const { return need<double>(*this, key, "a number"); }
const std::string& GgufFile::text(const std::string& key) const {
  return need<std::string>(*this, key, "a text");
}

}  // namespace lehr::lm
