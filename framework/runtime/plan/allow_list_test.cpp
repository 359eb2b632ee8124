#include "runtime/plan/allow_list.h"

#include "runtime/plan/lock_file.h"
#include "runtime/store/scratch_store.h"

namespace lehr::runtime {
namespace {

namespace fs = std::filesystem;

// A stage of one plugin with a step and a reward of two others. Their files are libraries without
// an entry function: whoever loaded one would fail.
class AllowListTest : public ScratchStore {
 protected:
  AllowListTest() {
    const auto source = std::make_shared<Source>("x.yaml", root_, "");
    const char* names[] = {"home", "acme", "judge"};
    for (int i = 0; i < 3; ++i) {
      plugins_[i].name = names[i];
      plugins_[i].version = "1.2.0";
      plugins_[i].path = root_ / (plugins_[i].name + ".so");
      std::string bytes = read_file(LEHR_TEST_LIBRARY);
      bytes[bytes.find("a text inside the library")] = static_cast<char>('A' + i);
      std::ofstream(plugins_[i].path) << bytes;
    }
    PlannedStage clean;
    clean.id = "clean";
    clean.origin = {source, 4, 3};
    clean.plugin = &plugins_[0];
    clean.steps = {{"steps", 0, "acme.quiet", &plugins_[1]}};
    clean.rewards = {{"rewards", 0, "judge.length", &plugins_[2]}};
    PlannedStage again = clean;
    again.id = "again";
    again.origin = {source, 9, 3};
    plan_.pipeline_file = root_ / "x.yaml";
    plan_.stages = {clean, again};
  }

  std::string digest(int plugin) const { return code_digest(plugins_[plugin].path); }
  fs::path list(const std::string& text) const {
    std::ofstream(root_ / "allow.txt") << text;
    return root_ / "allow.txt";
  }
  // What is said to each plugin that the list refuses.
  std::vector<std::string> refused(const fs::path& file) const {
    Diagnostics diagnostics;
    const bool all = admit_plugins(plan_, AllowList::read(file), diagnostics);
    std::vector<std::string> out;
    for (const Diagnostic& d : diagnostics.sorted())
      out.push_back(d.origin.text() + ": " + d.message);
    EXPECT_EQ(all, out.empty());
    return out;
  }
  std::string why_not(const std::string& text) const {
    try {
      AllowList::read(list(text));
    } catch (const AllowListError& e) {
      return e.what();
    }
    return "";
  }

  PluginFile plugins_[3];
  Plan plan_;
};

TEST_F(AllowListTest, AdmitsWhatStandsInIt) {
  EXPECT_TRUE(refused(list("# ours\n" + digest(0) + "  home 1.2.0\r\n\n \t" + digest(1) +
                           "\tacme\n" + digest(2)))
                  .empty());
}

TEST_F(AllowListTest, RefusesEveryOtherPluginOnceWithPathAndDigestAndTheLineToAdd) {
  const auto found = refused(list(digest(0)));
  ASSERT_EQ(found.size(), 2u);
  for (int i = 1; i < 3; ++i) {
    const std::string& said = found[i - 1];
    EXPECT_TRUE(said.starts_with("x.yaml:4:3: stage 'clean': plugin '" + plugins_[i].name + "'"))
        << said;
    EXPECT_NE(said.find("'" + plugins_[i].path.string() + "'"), std::string::npos) << said;
    EXPECT_NE(said.find("\"" + digest(i) + " " + plugins_[i].name + " 1.2.0\""), std::string::npos)
        << said;
  }
}

TEST_F(AllowListTest, AnEmptyListAdmitsNothing) { EXPECT_EQ(refused(list("")).size(), 3u); }

TEST_F(AllowListTest, LeavesStagesAloneThatAreNotWanted) {
  for (PlannedStage& stage : plan_.stages) stage.wanted = false;
  EXPECT_TRUE(refused(list("")).empty());
}

TEST_F(AllowListTest, TakesALockFileForWhatItsStagesWereMadeWith) {
  LockedStage made;
  made.parts = {{"code.home", digest(0)}, {"code.acme", digest(1)}, {"with.code", digest(2)}};
  write_lock(root_ / "other.yaml", {{"clean", made}});
  const auto found = refused(root_ / "lehr.lock");
  ASSERT_EQ(found.size(), 1u);
  EXPECT_NE(found[0].find("plugin 'judge'"), std::string::npos) << found[0];
  EXPECT_NE(found[0].find("`lehr lock`"), std::string::npos) << found[0];
}

TEST_F(AllowListTest, ChangedCodeIsRefusedUnderTheSameName) {
  const fs::path file = list(digest(0) + "\n" + digest(1) + "\n" + digest(2));
  fs::copy_file(plugins_[1].path, plugins_[0].path, fs::copy_options::overwrite_existing);
  EXPECT_TRUE(refused(file).empty()) << "what is allowed is code, under whatever name";
  std::string bytes = read_file(plugins_[1].path);
  bytes[bytes.find(" text inside the library")] = '-';
  std::ofstream(plugins_[1].path) << bytes;
  EXPECT_EQ(refused(file).size(), 1u);
}

TEST_F(AllowListTest, SaysWhichLineIsWrong) {
  EXPECT_NE(why_not("# a comment\n\nacme.so\n").find("allow.txt:3: 'acme.so' is no digest"),
            std::string::npos);
  EXPECT_NE(why_not(std::string(63, 'a')).find(":1: "), std::string::npos);
  EXPECT_NE(why_not(std::string(64, 'A')).find(":1: "), std::string::npos);
  EXPECT_NE(why_not("{").find("is not a lock file"), std::string::npos);
  EXPECT_THROW(AllowList::read(root_ / "none"), AllowListError);
}

}  // namespace
}  // namespace lehr::runtime
