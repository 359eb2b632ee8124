#include "runtime/plugin/plugin_file.h"

#include <elf.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>

#include "runtime/plugin/plugin_registry.h"

namespace lehr::runtime {
namespace {
namespace fs = std::filesystem;

constexpr const char* kDescription =
    R"({"manifest":1,"name":"acme","version":"1.0","stages":[{"name":"count","inputs":[],"outputs":[],"parameters":[]}],)"
    R"("steps":[{"name":"quiet","parameters":[]}]})";

std::string read(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}
void write(const fs::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

class PluginFileTest : public testing::Test {
 protected:
  PluginFileTest() {
    fs::create_directories(folder_);
    fs::copy_file(LEHR_TEST_LIBRARY, file_, fs::copy_options::overwrite_existing);
  }
  ~PluginFileTest() override { fs::remove_all(folder_); }
  const fs::path folder_ =
      fs::temp_directory_path() / ("plugin_file_test." + std::to_string(::getpid()));
  const fs::path file_ = folder_ / "acme.so";
};

std::string reason(const fs::path& path) {
  try {
    read_plugin_file(path);
    return "";
  } catch (const PluginError& e) {
    return e.what();
  }
}

TEST_F(PluginFileTest, ReadsWhatWasStamped) {
  stamp_plugin_file(file_, kDescription);
  const PluginFile plugin = read_plugin_file(file_);
  EXPECT_EQ(plugin.name, "acme");
  EXPECT_NE(plugin.stage("count"), nullptr);
  EXPECT_EQ(plugin.stage("quiet"), nullptr);
  EXPECT_NE(plugin.step("quiet"), nullptr);
  EXPECT_EQ(code_digest(file_).size(), 64u);
}

TEST_F(PluginFileTest, NamesWhatOtherLibrariesCanSee) {
  stamp_plugin_file(file_, kDescription);
  EXPECT_EQ(exported_symbols(read_plugin_file(file_)), std::vector<std::string>{"lehr_test_text"});
}

TEST_F(PluginFileTest, StampingAndStrippingKeepTheCodeDigest) {
  stamp_plugin_file(file_, kDescription);
  const PluginFile plugin = read_plugin_file(file_);
  const std::string before = code_digest(file_);
  stamp_plugin_file(file_, std::string(kDescription) + "   ");
  EXPECT_EQ(code_digest(file_), before);
  ASSERT_EQ(std::system(("strip --strip-unneeded " + file_.string()).c_str()), 0);
  EXPECT_EQ(code_digest(file_), before);
  EXPECT_EQ(read_plugin_file(file_).name, "acme") << "the manifest survives strip";
}

TEST_F(PluginFileTest, AnotherByteOfCodeIsAnotherDigest) {
  stamp_plugin_file(file_, kDescription);
  const PluginFile plugin = read_plugin_file(file_);
  const std::string before = code_digest(file_);
  std::string bytes = read(file_);
  const std::size_t at = bytes.find("a text inside the library");
  ASSERT_NE(at, std::string::npos);
  bytes[at] = 'A';
  write(file_, bytes);
  EXPECT_NE(code_digest(file_), before);
}

TEST_F(PluginFileTest, StampingTheSameTextTwiceChangesNothing) {
  stamp_plugin_file(file_, kDescription);
  const std::string before = read(file_);
  stamp_plugin_file(file_, kDescription);
  EXPECT_EQ(read(file_), before);
}

TEST_F(PluginFileTest, NamesTheReasonOfABrokenFile) {
  EXPECT_NE(reason(file_).find("not stamped"), std::string::npos);
  write(folder_ / "text.so", "hello");
  EXPECT_NE(reason(folder_ / "text.so").find("not an ELF file"), std::string::npos);
  stamp_plugin_file(file_, R"({"manifest":2,"name":"acme"})");
  EXPECT_NE(reason(file_).find("format 2"), std::string::npos);
  stamp_plugin_file(file_, "not json");
  EXPECT_NE(reason(file_).find("not JSON"), std::string::npos);
  stamp_plugin_file(file_, "[]");
  EXPECT_NE(reason(file_).find("not a JSON object"), std::string::npos);
  stamp_plugin_file(file_, std::string(100000, '['));
  EXPECT_NE(reason(file_).find("nested deeper"), std::string::npos);
  stamp_plugin_file(
      file_,
      R"({"manifest":1,"name":"acme","version":"1","steps":[{"name":"a","parameters":[]},{"name":"a","parameters":[]}]})");
  EXPECT_NE(reason(file_).find("two entries named 'a'"), std::string::npos);
  stamp_plugin_file(
      file_,
      R"({"manifest":1,"name":"acme","version":"1","stages":[{"name":"a","inputs":[],"outputs":[]}]})");
  EXPECT_NE(reason(file_).find("'parameters' is not a list"), std::string::npos);
  stamp_plugin_file(
      file_,
      R"({"manifest":1,"name":"acme","version":"1","steps":[{"name":"a","parameters":[{"name":"p","type":"int","help":1}]}]})");
  EXPECT_NE(reason(file_).find("'help' is of the wrong type"), std::string::npos);
  stamp_plugin_file(
      file_,
      R"({"manifest":1,"name":"acme","version":"1","stages":[{"name":"a","devices":[1],"inputs":[],"outputs":[],"parameters":[]}]})");
  EXPECT_NE(reason(file_).find("an entry of 'devices' is not text"), std::string::npos);
}

TEST_F(PluginFileTest, TruncationAnywhereIsAnErrorOrHarmless) {
  stamp_plugin_file(file_, kDescription);
  const std::string whole = read(file_);
  for (std::size_t size = 0; size < whole.size(); size += 97) {
    write(file_, whole.substr(0, size));
    EXPECT_NE(reason(file_), "") << size;  // the section table stands at the end
  }
}

TEST_F(PluginFileTest, LibrariesOfTheCompilerAreNoIdentity) {
  PluginFile plugin;
  plugin.path = file_;
  plugin.needed = {"libasan.so.8", "libubsan.so.1", "libtsan.so.2", "libstdc++.so.6", "libnone.so"};
  EXPECT_EQ(library_identities(plugin), std::vector<std::string>{"libnone.so: not found"});
}

TEST_F(PluginFileTest, MutatedHeadersNeverCrashTheReader) {
  stamp_plugin_file(file_, kDescription);
  const std::string whole = read(file_);
  int refused = 0;
  std::uint64_t random = 1;
  const auto next = [&] {
    return random = random * 6364136223846793005u + 1442695040888963407u, random >> 33;
  };
  for (int round = 0; round < 2000; ++round) {
    std::string bytes = whole;
    // Half of the mutations hit the headers in front, half the section table at the end.
    for (int i = 0; i < 3; ++i) {
      const std::size_t reach = std::min<std::size_t>(1024, bytes.size());
      const std::size_t at = next() % reach;
      bytes[round % 2 ? at : bytes.size() - 1 - at] = static_cast<char>(next());
    }
    write(file_, bytes);
    try {
      const PluginFile plugin = read_plugin_file(file_);
      code_digest(file_);
      exported_symbols(plugin);
      library_identities(plugin);
    } catch (const PluginError&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, 100);
}

TEST_F(PluginFileTest, SegmentsThatLieOnOneAnotherAreRefused) {
  stamp_plugin_file(file_, kDescription);
  std::string bytes = read(file_);
  Elf64_Ehdr header;
  std::memcpy(&header, bytes.data(), sizeof header);
  const Elf64_Phdr whole{PT_LOAD, PF_R, 0, 0, 0, bytes.size(), bytes.size(), 4096};
  header.e_phoff = bytes.size();
  header.e_phnum = 60000;  // each as long as the file: an hour of hashing
  std::memcpy(bytes.data(), &header, sizeof header);
  for (int i = 0; i < header.e_phnum; ++i)
    bytes.append(reinterpret_cast<const char*>(&whole), sizeof whole);
  write(file_, bytes);
  EXPECT_NE(reason(file_).find("lie on one another"), std::string::npos);
}

TEST_F(PluginFileTest, HeadersOutsideTheDigestedBytesAreRefused) {
  stamp_plugin_file(file_, kDescription);
  std::string bytes = read(file_);
  Elf64_Ehdr header;
  std::memcpy(&header, bytes.data(), sizeof header);
  bytes.append(bytes, header.e_phoff, header.e_phnum * sizeof(Elf64_Phdr));  // the same, elsewhere
  header.e_phoff = bytes.size() - header.e_phnum * sizeof(Elf64_Phdr);
  std::memcpy(bytes.data(), &header, sizeof header);
  write(file_, bytes);
  EXPECT_NE(reason(file_).find("headers are not part of what is loaded"), std::string::npos);
  EXPECT_THROW(code_digest(file_), PluginError);
}

TEST_F(PluginFileTest, FoldersOfTheLoaderAreThoseOfItsConfiguration) {
  fs::create_directories(folder_ / "ld.so.conf.d");
  write(folder_ / "ld.so.conf", "# first\ninclude ld.so.conf.d/*.conf\n  /opt/last # and this\n");
  write(folder_ / "ld.so.conf.d" / "b.conf", "/opt/b\n");
  write(folder_ / "ld.so.conf.d" / "a.conf", "/opt/a/lib\n\n/opt/a/lib64\ninclude ../ld.so.conf\n");
  const auto found = loader_folders(folder_ / "ld.so.conf");
  ASSERT_GE(found.size(), 4u);
  EXPECT_EQ(found[0], "/opt/a/lib");
  EXPECT_EQ(found[1], "/opt/a/lib64");
  EXPECT_EQ(found.back(), "/opt/last");
  EXPECT_TRUE(loader_folders(folder_ / "none").empty());
}

TEST_F(PluginFileTest, RegistryKeepsBrokenFilesWithTheirReason) {
  stamp_plugin_file(file_, kDescription);
  write(folder_ / "broken.so", "hello");
  const PluginRegistry registry(std::vector<fs::path>{folder_});
  ASSERT_EQ(registry.broken().size(), 1u);
  EXPECT_NE(registry.broken()[0].reason.find("broken.so"), std::string::npos);
  ASSERT_TRUE(registry.stage("acme"));
  EXPECT_EQ(registry.stage("acme")->full_name, "acme.count");
  EXPECT_TRUE(registry.step("quiet", "acme"));
  EXPECT_TRUE(registry.step("acme.quiet", "filter"));
  EXPECT_FALSE(registry.step("quiet", "filter"));
}

TEST_F(PluginFileTest, RegistryTakesNoOtherInPlaceOfABrokenPlugin) {
  stamp_plugin_file(file_, kDescription);
  const fs::path first = folder_ / "first", good = folder_ / "good";
  for (const fs::path& made : {first, good}) fs::create_directories(made);
  fs::copy_file(file_, good / "acme.so");
  write(first / "acme.so", "hello");
  const PluginRegistry registry(std::vector<fs::path>{first, good});
  EXPECT_FALSE(registry.stage("acme"));
  EXPECT_EQ(registry.why_broken("acme"),
            (first / "acme.so").string() + ": not an ELF file. '" + (good / "acme.so").string() +
                "' is not taken in its place: mend or remove the broken one");
  EXPECT_TRUE(PluginRegistry(std::vector<fs::path>{good, first}).stage("acme"));  // passed over
  fs::copy_file(file_, first / "aaa.so");  // beside it, called otherwise
  EXPECT_FALSE(PluginRegistry(std::vector<fs::path>{first, good}).stage("acme"));
}

TEST_F(PluginFileTest, RegistryTellsOfTwoFilesThatAreOnePlugin) {
  stamp_plugin_file(file_, kDescription);
  fs::copy_file(file_, folder_ / "second.so");
  const PluginRegistry registry(std::vector<fs::path>{folder_});
  EXPECT_EQ(registry.plugins().at("acme").path, file_);
  ASSERT_EQ(registry.broken().size(), 1u);
  EXPECT_EQ(registry.broken()[0].path, folder_ / "second.so");
  EXPECT_EQ(registry.why_broken("acme"), "");  // there is one that can be used
  fs::rename(folder_ / "second.so", folder_ / "second");
  EXPECT_TRUE(PluginRegistry(std::vector<fs::path>{folder_, folder_})
                  .broken()
                  .empty());  // the same file again
  fs::rename(folder_ / "second", folder_ / "second.so");
  // In another folder it is meant to be passed over.
  const fs::path other = folder_ / "other";
  fs::create_directories(other);
  fs::rename(folder_ / "second.so", other / "second.so");
  EXPECT_TRUE(PluginRegistry(std::vector<fs::path>{folder_, other}).broken().empty());
}

}  // namespace
}  // namespace lehr::runtime
