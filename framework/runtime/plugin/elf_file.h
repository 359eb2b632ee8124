// Bounded reader of 64-bit little-endian ELF shared libraries, on a memory-mapped file. Every
// offset, size and count is checked before use; nothing is executed or relocated. Only what the
// runtime needs: segments, sections by name, notes, and the dynamic section's strings.
#pragma once

#include <elf.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace lehr::runtime {

struct ElfError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Owns a read-only mapping of a whole file.
class MappedFile {
 public:
  // Throws ElfError with the system's reason.
  explicit MappedFile(const std::filesystem::path& path);
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();
  std::span<const unsigned char> bytes() const { return {data_, size_}; }

 private:
  const unsigned char* data_ = nullptr;
  std::size_t size_ = 0;
};

class ElfFile {
 public:
  // Throws ElfError: not ELF, not a 64-bit little-endian shared library for this processor, or
  // truncated.
  explicit ElfFile(std::span<const unsigned char> bytes);

  const Elf64_Ehdr& header() const { return header_; }
  const std::vector<Elf64_Phdr>& segments() const { return segments_; }
  const std::vector<Elf64_Shdr>& sections() const { return sections_; }

  // Name of a section; empty if its name offset lies outside the name table.
  std::string_view section_name(const Elf64_Shdr& section) const;
  // Bytes of the first section of that name.
  std::optional<std::span<const unsigned char>> section(std::string_view name) const;
  // Where the GNU build id's bytes lie in the file: [offset, offset + size). nullopt: there is
  // none.
  struct Range {
    std::uint64_t offset, size;
  };
  std::optional<Range> build_id() const;
  // Whether the ELF header and the program headers lie in segments that are loaded, as linkers put
  // them. Where they do not, the loaded bytes alone do not tell how the loader will use them.
  bool headers_are_loaded() const;
  // Strings of dynamic entries with this tag (DT_NEEDED, DT_RUNPATH, DT_RPATH).
  std::vector<std::string> dynamic_strings(Elf64_Sxword tag) const;

  // Names of the symbols that other libraries can see, in the order of the dynamic symbol table.
  std::vector<std::string> exported_symbols() const;

  // Bytes [offset, offset + size) of the file. Throws ElfError if they lie outside.
  std::span<const unsigned char> range(std::uint64_t offset, std::uint64_t size) const;

 private:
  template <class T>
  std::vector<T> table(std::uint64_t offset, std::uint16_t entry_size, std::uint64_t count,
                       const char* what) const;

  std::span<const unsigned char> bytes_;
  Elf64_Ehdr header_;
  std::vector<Elf64_Phdr> segments_;
  std::vector<Elf64_Shdr> sections_;
};

}  // namespace lehr::runtime
