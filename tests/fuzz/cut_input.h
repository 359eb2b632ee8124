// One input as several files of a folder: cut at its lines "--", the rest goes to the last.
#pragma once

#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

namespace lehr::fuzz {

class InputFolder {
 public:
  explicit InputFolder(std::vector<std::string> names) : names_(std::move(names)) {
    std::string name = (std::filesystem::temp_directory_path() / "fuzz-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    path_ = name;
    for (const std::string& file : names_)
      std::filesystem::create_directories((path_ / file).parent_path());
  }
  ~InputFolder() { std::filesystem::remove_all(path_); }
  InputFolder(const InputFolder&) = delete;
  InputFolder& operator=(const InputFolder&) = delete;

  void fill(const std::uint8_t* data, std::size_t size) const {
    constexpr std::string_view cut = "\n--\n";
    std::string_view rest(reinterpret_cast<const char*>(data), size);
    for (const std::string& name : names_) {
      const std::size_t end = &name == &names_.back() ? rest.npos : rest.find(cut);
      std::ofstream(path_ / name, std::ios::binary | std::ios::trunc) << rest.substr(0, end);
      rest.remove_prefix(end == rest.npos ? rest.size() : end + cut.size());
    }
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::vector<std::string> names_;
  std::filesystem::path path_;
};

}  // namespace lehr::fuzz
