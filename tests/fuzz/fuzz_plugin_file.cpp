// A plugin file, and a manifest in an otherwise well-formed one: ELF reader, description, code
// digest, the schema and the plan made from it.
#include <elf.h>
#include <lehr/abi.h>

#include <cstring>

#include "input_file.h"
#include "runtime/config/pipeline.h"
#include "runtime/config/pipeline_schema.h"
#include "runtime/plan/planner.h"
#include "runtime/plugin/plugin_registry.h"

namespace {

using namespace lehr;

// The smallest file that has a manifest: header, one segment of both, names, the section's bytes,
// three sections.
std::string elf_with_manifest(std::string_view manifest) {
  static constexpr char names[] = "\0.shstrtab\0" LEHR_MANIFEST_SECTION;
  Elf64_Ehdr header{};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_type = ET_DYN;
  header.e_machine = EM_X86_64;
  Elf64_Phdr segment{};
  constexpr std::size_t loaded = sizeof header + sizeof segment;
  segment.p_type = PT_LOAD;
  segment.p_flags = PF_R;
  segment.p_filesz = segment.p_memsz = loaded;
  header.e_phoff = sizeof header;
  header.e_phentsize = sizeof segment;
  header.e_phnum = 1;
  header.e_shentsize = sizeof(Elf64_Shdr);
  header.e_shnum = 3;
  header.e_shstrndx = 1;
  header.e_shoff = loaded + sizeof names + manifest.size();
  Elf64_Shdr sections[3]{};
  sections[1] = {1, SHT_STRTAB, 0, 0, loaded, sizeof names, 0, 0, 1, 0};
  sections[2] = {11, SHT_PROGBITS, 0, 0, loaded + sizeof names, manifest.size(), 0, 0, 1, 0};
  std::string out(reinterpret_cast<const char*>(&header), sizeof header);
  out.append(reinterpret_cast<const char*>(&segment), sizeof segment);
  out.append(names, sizeof names).append(manifest);
  return out.append(reinterpret_cast<const char*>(sections), sizeof sections);
}

bool read(const std::filesystem::path& path) try {
  const runtime::PluginFile plugin = runtime::read_plugin_file(path);
  runtime::code_digest(plugin.path);
  runtime::library_identities(plugin);
  const runtime::PluginRegistry registry(std::vector<runtime::PluginFile>{plugin});
  runtime::pipeline_schema(registry).dump();
  std::string text = "lehr: 1\nname: x\nstages:\n";
  int number = 0;
  for (const std::string& name : registry.stage_names())
    if (number < 20) text += "  s" + std::to_string(number++) + ": {uses: " + name + "}\n";
  const fuzz::InputFile file(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
  runtime::Diagnostics diagnostics;
  runtime::make_plan(runtime::load_pipeline(file.path(), {}, diagnostics), registry, diagnostics);
  return true;
} catch (const runtime::PluginError&) {
  return false;
}

bool read_bytes(std::string_view bytes) {
  const fuzz::InputFile file(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  return read(file.path());
}

// Else the readers below would turn every input down at the door.
void check_that_manifests_are_read() {
  if (!read_bytes(elf_with_manifest(R"({"manifest":1,"name":"a","version":"1","stages":[]})")))
    std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const bool checked = (check_that_manifests_are_read(), true);
  static_cast<void>(checked);
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  read_bytes(input.starts_with(ELFMAG) ? std::string(input) : elf_with_manifest(input));
  return 0;
}
