// Stamping: the manifest and a new section table are appended to the file; no loaded byte moves, so
// the code and its digest stay the same. Only the ELF header's section fields change.
#include <fcntl.h>
#include <lehr/abi.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "runtime/plugin/elf_file.h"
#include "runtime/plugin/plugin_file.h"

namespace lehr::runtime {
namespace {

void append_aligned(std::string& file, std::string_view bytes) {
  file.resize((file.size() + 7) / 8 * 8, '\0');
  file += bytes;
}

// The file's bytes with the section added, or replaced.
std::string stamped(const ElfFile& elf, std::span<const unsigned char> bytes,
                    std::string_view description) {
  std::vector<Elf64_Shdr> sections = elf.sections();
  Elf64_Ehdr header = elf.header();
  if (sections.empty() || header.e_shstrndx >= sections.size())
    throw ElfError("it has no section table (stripped of it?): a manifest cannot be added");
  std::string file(reinterpret_cast<const char*>(bytes.data()), bytes.size());

  std::size_t index = sections.size();
  for (std::size_t i = 0; i < sections.size(); ++i)
    if (elf.section_name(sections[i]) == LEHR_MANIFEST_SECTION) index = i;
  if (index == sections.size()) {
    const Elf64_Shdr& names = sections[header.e_shstrndx];
    const auto old = elf.range(names.sh_offset, names.sh_size);
    std::string table(reinterpret_cast<const char*>(old.data()), old.size());
    Elf64_Shdr section{};
    section.sh_name = static_cast<Elf64_Word>(table.size());
    section.sh_type = SHT_PROGBITS;
    section.sh_addralign = 8;
    table += std::string(LEHR_MANIFEST_SECTION) + '\0';
    append_aligned(file, table);
    sections[header.e_shstrndx].sh_offset = file.size() - table.size();
    sections[header.e_shstrndx].sh_size = table.size();
    sections.push_back(section);
    header.e_shnum = static_cast<Elf64_Half>(sections.size());
  }
  append_aligned(file, description);
  sections[index].sh_offset = file.size() - description.size();
  sections[index].sh_size = description.size();
  const std::string_view table(reinterpret_cast<const char*>(sections.data()),
                               sections.size() * sizeof(Elf64_Shdr));
  append_aligned(file, table);
  header.e_shoff = file.size() - table.size();
  std::memcpy(file.data(), &header, sizeof header);
  return file;
}

void write_file(const std::filesystem::path& path, mode_t mode, std::string_view bytes) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode & 07777);
  if (fd < 0) throw PluginError(path.string() + ": " + std::strerror(errno));
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      const int error = errno;
      ::close(fd);
      ::unlink(path.c_str());
      throw PluginError(path.string() + ": " + std::strerror(error));
    }
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  ::close(fd);
}

}  // namespace

void stamp_plugin_file(const std::filesystem::path& path, std::string_view description) try {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) throw ElfError(std::strerror(errno));
  std::string file;
  {
    const MappedFile mapped(path);
    const ElfFile elf(mapped.bytes());
    const auto present = elf.section(LEHR_MANIFEST_SECTION);
    if (present && std::string_view(reinterpret_cast<const char*>(present->data()),
                                    present->size()) == description)
      return;
    file = stamped(elf, mapped.bytes(), description);
  }
  const std::filesystem::path temporary = path.string() + ".stamp-" + std::to_string(::getpid());
  write_file(temporary, info.st_mode, file);
  if (::rename(temporary.c_str(), path.c_str()) != 0) {
    const int error = errno;
    ::unlink(temporary.c_str());
    throw ElfError(std::strerror(error));
  }
} catch (const ElfError& e) {
  throw PluginError(path.string() + ": " + e.what());
}

}  // namespace lehr::runtime
