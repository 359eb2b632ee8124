#include "runtime/plugin/elf_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace lehr::runtime {

MappedFile::MappedFile(const std::filesystem::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) throw ElfError(std::strerror(errno));
  struct stat info {};
  const int error = ::fstat(fd, &info) != 0 ? errno : 0;
  if (error != 0 || !S_ISREG(info.st_mode)) {
    ::close(fd);
    throw ElfError(error != 0 ? std::strerror(error) : "not a regular file");
  }
  size_ = static_cast<std::size_t>(info.st_size);
  if (size_ > 0) {
    void* mapped = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, fd, 0);
    const int error = errno;
    ::close(fd);
    if (mapped == MAP_FAILED) throw ElfError(std::strerror(error));
    data_ = static_cast<const unsigned char*>(mapped);
  } else {
    ::close(fd);
  }
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<unsigned char*>(data_), size_);
}

ElfFile::ElfFile(std::span<const unsigned char> bytes) : bytes_(bytes) {
  if (bytes.size() < sizeof header_ || std::memcmp(bytes.data(), ELFMAG, SELFMAG) != 0)
    throw ElfError("not an ELF file");
  std::memcpy(&header_, bytes.data(), sizeof header_);
  if (header_.e_ident[EI_CLASS] != ELFCLASS64 || header_.e_ident[EI_DATA] != ELFDATA2LSB)
    throw ElfError("not a 64-bit little-endian ELF file");
#if defined(__x86_64__)
  constexpr auto machine = EM_X86_64;
#elif defined(__aarch64__)
  constexpr auto machine = EM_AARCH64;
#endif
  if (header_.e_machine != machine) throw ElfError("built for another processor");
  if (header_.e_type != ET_DYN) throw ElfError("not a shared library");
  segments_ =
      table<Elf64_Phdr>(header_.e_phoff, header_.e_phentsize, header_.e_phnum, "program header");
  sections_ =
      table<Elf64_Shdr>(header_.e_shoff, header_.e_shentsize, header_.e_shnum, "section header");
  std::uint64_t loaded = 0;
  for (const auto& segment : segments_)
    if (segment.p_type == PT_LOAD) loaded += range(segment.p_offset, segment.p_filesz).size();
  // Each of 65,535 segments may be the whole file; real ones share a page at most.
  if (loaded > bytes_.size() + std::min<std::size_t>(segments_.size(), 64) * 65536)
    throw ElfError("its segments lie on one another");
}

template <class T>
std::vector<T> ElfFile::table(std::uint64_t offset, std::uint16_t entry_size, std::uint64_t count,
                              const char* what) const {
  if (count == 0) return {};
  if (entry_size != sizeof(T)) throw ElfError(std::string("malformed ") + what + " table");
  const auto raw = range(offset, count * sizeof(T));  // count is 16 bits: no overflow
  std::vector<T> out(count);
  std::memcpy(out.data(), raw.data(), raw.size());
  return out;
}

std::span<const unsigned char> ElfFile::range(std::uint64_t offset, std::uint64_t size) const {
  if (offset > bytes_.size() || size > bytes_.size() - offset)
    throw ElfError("truncated: bytes " + std::to_string(offset) + " and on are missing");
  return bytes_.subspan(offset, size);
}

namespace {

// A hostile file must not cost more than a real one: whoever needs longer names or more code than
// the file has is refused.
constexpr std::size_t kLongestString = 4096;
constexpr std::size_t kMostLibraries = 1024;

// The string that begins at `offset` of a string table; empty if it does not end inside it.
std::string_view string_at(std::span<const unsigned char> table, std::uint64_t offset) {
  if (offset >= table.size()) return {};
  const auto* begin = reinterpret_cast<const char*>(table.data()) + offset;
  const void* end = std::memchr(begin, 0, std::min(kLongestString, table.size() - offset));
  if (end == nullptr) return {};
  return {begin, static_cast<const char*>(end)};
}

}  // namespace

std::string_view ElfFile::section_name(const Elf64_Shdr& section) const {
  if (header_.e_shstrndx >= sections_.size()) return {};
  const auto& names = sections_[header_.e_shstrndx];
  return string_at(range(names.sh_offset, names.sh_size), section.sh_name);
}

std::optional<std::span<const unsigned char>> ElfFile::section(std::string_view name) const {
  for (const auto& s : sections_)
    if (s.sh_type != SHT_NOBITS && section_name(s) == name) return range(s.sh_offset, s.sh_size);
  return std::nullopt;
}

std::optional<ElfFile::Range> ElfFile::build_id() const {
  for (const auto& segment : segments_) {
    if (segment.p_type != PT_NOTE) continue;
    const auto notes = range(segment.p_offset, segment.p_filesz);
    const std::uint64_t align = segment.p_align == 8 ? 8 : 4;
    const auto padded = [&](std::uint64_t n) { return (n + align - 1) / align * align; };
    for (std::uint64_t at = 0; notes.size() - at >= sizeof(Elf64_Nhdr);) {
      Elf64_Nhdr note;
      std::memcpy(&note, notes.data() + at, sizeof note);
      const std::uint64_t desc = at + sizeof note + padded(note.n_namesz);
      const std::uint64_t next = desc + padded(note.n_descsz);
      if (desc + note.n_descsz > notes.size()) break;
      if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 &&
          std::memcmp(notes.data() + at + sizeof note, "GNU", 4) == 0)
        return Range{segment.p_offset + desc, note.n_descsz};
      if (next > notes.size()) break;
      at = next;
    }
  }
  return std::nullopt;
}

bool ElfFile::headers_are_loaded() const {
  const auto is_loaded = [&](std::uint64_t offset, std::uint64_t size) {
    return std::any_of(segments_.begin(), segments_.end(), [&](const Elf64_Phdr& segment) {
      return segment.p_type == PT_LOAD && offset >= segment.p_offset && size <= segment.p_filesz &&
             offset - segment.p_offset <= segment.p_filesz - size;
    });
  };
  return is_loaded(0, sizeof header_) &&
         is_loaded(header_.e_phoff, segments_.size() * sizeof(Elf64_Phdr));
}

std::vector<std::string> ElfFile::exported_symbols() const {
  std::vector<std::string> out;
  for (const Elf64_Shdr& section : sections_) {
    if (section.sh_type != SHT_DYNSYM || section.sh_link >= sections_.size()) continue;
    const auto symbols = range(section.sh_offset, section.sh_size);
    const Elf64_Shdr& names = sections_[section.sh_link];
    const auto strings = range(names.sh_offset, names.sh_size);
    for (std::size_t at = 0; symbols.size() - at >= sizeof(Elf64_Sym); at += sizeof(Elf64_Sym)) {
      Elf64_Sym symbol;
      std::memcpy(&symbol, symbols.data() + at, sizeof symbol);
      const auto visibility = ELF64_ST_VISIBILITY(symbol.st_other);
      if (symbol.st_shndx != SHN_UNDEF && ELF64_ST_BIND(symbol.st_info) != STB_LOCAL &&
          visibility != STV_HIDDEN && visibility != STV_INTERNAL)
        out.emplace_back(string_at(strings, symbol.st_name));
    }
  }
  return out;
}

std::vector<std::string> ElfFile::dynamic_strings(Elf64_Sxword tag) const {
  std::vector<Elf64_Dyn> entries;
  for (const auto& segment : segments_) {
    if (segment.p_type != PT_DYNAMIC) continue;
    const auto raw = range(segment.p_offset, segment.p_filesz);
    entries.resize(raw.size() / sizeof(Elf64_Dyn));
    std::memcpy(entries.data(), raw.data(), entries.size() * sizeof(Elf64_Dyn));
  }
  std::uint64_t address = 0, size = 0;
  for (const auto& e : entries) {
    if (e.d_tag == DT_STRTAB) address = e.d_un.d_ptr;
    if (e.d_tag == DT_STRSZ) size = e.d_un.d_val;
  }
  std::vector<std::string> out;
  for (const auto& segment : segments_) {
    if (segment.p_type != PT_LOAD || address < segment.p_vaddr) continue;
    const std::uint64_t inside = address - segment.p_vaddr;
    if (inside >= segment.p_filesz || size > segment.p_filesz - inside) continue;
    const auto strings = range(segment.p_offset + inside, size);
    for (const auto& e : entries) {
      if (e.d_tag != tag) continue;
      if (out.size() == kMostLibraries) throw ElfError("it needs too many libraries");
      out.emplace_back(string_at(strings, e.d_un.d_val));
    }
    break;
  }
  return out;
}

}  // namespace lehr::runtime
