#include <limits>
#include <stdexcept>

#include "lm/gguf.h"
#include "lm/gguf_layout.h"

namespace lehr::lm {

using namespace gguf;

namespace {

class Header {
 public:
  template <class T>
  void put(T value) {
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  void put_string(const std::string& text) {
    put<uint64_t>(text.size());
    bytes_ += text;
  }
  void put_value(const std::string& key, const GgufValue& value) {
    put_string(key);
    std::visit([&](const auto& v) { put_kind(key, v); }, value);
  }
  void pad() {
    bytes_.resize((bytes_.size() + kDefaultAlignment - 1) / kDefaultAlignment * kDefaultAlignment);
  }
  const std::string& bytes() const { return bytes_; }

 private:
  template <class To, class From>
  static To narrow(const std::string& key, From value) {
    if (value < static_cast<From>(std::numeric_limits<To>::min()) ||
        value > static_cast<From>(std::numeric_limits<To>::max()))
      throw std::invalid_argument("'" + key + "' cannot hold " + std::to_string(value));
    return static_cast<To>(value);
  }
  template <class T>
  void put_array_head(Kind kind, const std::vector<T>& values) {
    put<uint32_t>(kArray);
    put<uint32_t>(kind);
    put<uint64_t>(values.size());
  }
  void put_kind(const std::string&, bool value) {
    put<uint32_t>(kBool);
    put<uint8_t>(value ? 1 : 0);
  }
  void put_kind(const std::string& key, int64_t value) {
    put<uint32_t>(kU32);
    put(narrow<uint32_t>(key, value));
  }
  void put_kind(const std::string&, double value) {
    put<uint32_t>(kFloat32);
    put(static_cast<float>(value));
  }
  void put_kind(const std::string&, const std::string& value) {
    put<uint32_t>(kString);
    put_string(value);
  }
  void put_kind(const std::string&, const std::vector<std::string>& values) {
    put_array_head(kString, values);
    for (const std::string& value : values) put_string(value);
  }
  void put_kind(const std::string& key, const std::vector<int64_t>& values) {
    put_array_head(kI32, values);
    for (const int64_t value : values) put(narrow<int32_t>(key, value));
  }
  void put_kind(const std::string&, const std::vector<double>& values) {
    put_array_head(kFloat32, values);
    for (const double value : values) put(static_cast<float>(value));
  }

  std::string bytes_;
};

}  // namespace

void write_gguf(const std::filesystem::path& path, const GgufMetadata& metadata,
                const std::vector<GgufTensor>& tensors,
                const std::function<void(std::size_t, std::byte*)>& fill) {
  const auto padded = [](uint64_t bytes) {
    return (bytes + kDefaultAlignment - 1) / kDefaultAlignment * kDefaultAlignment;
  };
  Header header;
  for (const char letter : {'G', 'G', 'U', 'F'}) header.put(letter);
  header.put<uint32_t>(3);
  header.put<uint64_t>(tensors.size());
  header.put<uint64_t>(metadata.size());
  for (const auto& [key, value] : metadata) header.put_value(key, value);
  uint64_t offset = 0;
  for (const GgufTensor& tensor : tensors) {
    header.put_string(tensor.name);
    header.put(static_cast<uint32_t>(tensor.shape.size()));
    for (auto side = tensor.shape.rbegin(); side != tensor.shape.rend(); ++side)
      header.put(static_cast<uint64_t>(*side));
    header.put(static_cast<uint32_t>(tensor.type));
    header.put(offset);
    offset += padded(tensor.bytes());
  }
  header.pad();
  DurableFile file(path);
  file.write(header.bytes().data(), header.bytes().size());
  std::vector<std::byte> data;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    data.assign(padded(tensors[i].bytes()), std::byte{0});
    fill(i, data.data());
    file.write(data.data(), data.size());
  }
  file.commit();
}

}  // namespace lehr::lm
