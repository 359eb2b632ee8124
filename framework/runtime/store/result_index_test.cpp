#include "runtime/store/result_index.h"

#include <algorithm>

#include "runtime/store/scratch_store.h"

namespace lehr::runtime {
namespace {
namespace fs = std::filesystem;

class ResultIndexTest : public ScratchStore {
 protected:
  ResultIndexTest() : store_(root_ / "store"), index_(store_.root() / "cache" / "results-p") {
    first_ = made("one", publish(store_, "first"));
    second_ = made("two", publish(store_, "second"));
    first_.results["loss"] = {0.25, false};
    store_.write_result(first_);
    store_.write_result(second_);
    EXPECT_EQ(found(first_.key), first_.outputs.at("documents").digest);
    EXPECT_EQ(found(second_.key), second_.outputs.at("documents").digest);
  }

  // The digest of the output that an index read anew finds; it is then saved.
  std::string found(const std::string& key) {
    ResultIndex index(store_, "p");
    const auto result = index.find(key);
    index.save();
    return result ? result->outputs.at("documents").digest : "nothing";
  }
  std::string text() const { return read_file(index_); }
  // The index says so, with a checksum that fits.
  void forge(std::string text) {
    text.resize(text.size() - 65);
    damage_file(index_, text + sha256_hex(text) + "\n");
  }
  std::string replaced(std::string text, const std::string& from, const std::string& to) {
    for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
      text.replace(at, from.size(), to);
    return text;
  }

  const ArtifactStore store_;
  const fs::path index_;
  StageResult first_, second_;
};

TEST_F(ResultIndexTest, GivesWhatTheStoreGivesButForKeyParts) {
  const auto remembered = ResultIndex(store_, "p").find(first_.key);
  ASSERT_TRUE(remembered);
  StageResult wanted = *store_.find_result(first_.key);
  EXPECT_FALSE(wanted.key_parts.empty());
  wanted.key_parts.clear();
  EXPECT_EQ(remembered->to_json(), wanted.to_json());
}

TEST_F(ResultIndexTest, IsBelievedAsLongAsTheFilesAreUntouched) {
  // A line about the file that is there, and other than it: only so can it be seen who was asked.
  const std::string said = replaced(text(), "0.25", "0.75");
  forge(said);
  EXPECT_EQ(ResultIndex(store_, "p").find(first_.key)->results.at("loss").value, 0.75);
  store_.write_result(first_);  // the same again, as another file
  EXPECT_EQ(ResultIndex(store_, "p").find(first_.key)->results.at("loss").value, 0.25);
}

TEST_F(ResultIndexTest, DoesNotKnowWhatIsGoneOrDamaged) {
  const fs::path artifact = store_.artifact_path(first_.outputs.at("documents").digest);
  damage_file(artifact / "a.txt", "longer than it was");
  EXPECT_EQ(found(first_.key), "nothing");
  damage_file(artifact / "a.txt", "first");
  EXPECT_NE(found(first_.key), "nothing");
  ::chmod((artifact / "deep").c_str(), 0755);
  fs::remove(artifact / "deep" / "b.txt");
  EXPECT_EQ(found(first_.key), "nothing");
  remove_tree(artifact);
  EXPECT_EQ(found(first_.key), "nothing");
  fs::remove(store_.result_path(second_.key));
  EXPECT_EQ(found(second_.key), "nothing");
}

TEST_F(ResultIndexTest, ReadsAgainWhatWasWrittenToWithItsTimesAsBefore) {
  const auto time = fs::last_write_time(store_.result_path(first_.key));
  std::string text = read_file(store_.result_path(first_.key));
  text[text.find("0.25")] = '7';
  damage_file(store_.result_path(first_.key), text);
  fs::last_write_time(store_.result_path(first_.key), time);
  EXPECT_EQ(found(first_.key), "nothing");

  const fs::path description =
      store_.artifact_path(second_.outputs.at("documents").digest) / kArtifactFile;
  const auto before = fs::last_write_time(description);
  damage_file(description, replaced(read_file(description), "\"en\"", "\"de\""));
  fs::last_write_time(description, before);
  EXPECT_EQ(found(second_.key), "nothing");
}

TEST_F(ResultIndexTest, IsReadWholeOrNotAtAll) {
  const std::string whole = text(), said = replaced(whole, "0.25", "0.75");
  for (const std::string& damaged :
       {std::string(), std::string("lehr results 1\n"), whole.substr(0, whole.size() / 2),
        whole + "x", said, replaced(whole, "results 1", "results 2")}) {
    damage_file(index_, damaged);
    EXPECT_EQ(ResultIndex(store_, "p").find(first_.key)->results.at("loss").value, 0.25);
  }
}

TEST_F(ResultIndexTest, CannotMakeUpWhatTheStoreDoesNotHave) {
  const std::string other = sha256_hex("never run"), first = first_.outputs.at("documents").digest;
  forge(replaced(text(), first_.key, other));  // a result for a key that has none
  EXPECT_EQ(found(other), "nothing");
  EXPECT_EQ(found(first_.key), first);
  forge(replaced(text(), first, sha256_hex("made up")));  // an output that there is not
  EXPECT_EQ(found(first_.key), first);
  forge(replaced(text(), "\"en\"", "\"de\""));  // an artifact described as another
  EXPECT_EQ(found(first_.key), first);
  forge(replaced(text(), "{", "["));  // lines that are none
  EXPECT_EQ(found(first_.key), first);
  forge("lehr results 1\n\nR\nA\nR" + first_.key + "\nA" + first + " \n" + std::string(65, ' '));
  EXPECT_EQ(found(first_.key), first);
}

TEST_F(ResultIndexTest, OfAnotherStoreSaysNothing) {
  const ArtifactStore other(root_ / "other");
  fs::copy(index_.parent_path(), other.root() / "cache");
  EXPECT_FALSE(ResultIndex(other, "p").find(first_.key));
  fs::copy(store_.root(), root_ / "copy", fs::copy_options::recursive);
  const ArtifactStore copy(root_ / "copy");
  damage_file(copy.root() / "cache" / "results-p", "");
  forge(replaced(text(), "0.25", "0.75"));
  fs::copy_file(index_, copy.root() / "cache" / "results-p", fs::copy_options::overwrite_existing);
  EXPECT_EQ(ResultIndex(copy, "p").find(first_.key)->results.at("loss").value, 0.25);
}

TEST_F(ResultIndexTest, KeepsWhatWasNotAskedForWhileThereIsNotMoreOfIt) {
  EXPECT_NE(text().find(first_.key), std::string::npos) << "it was learnt before the second";
  for (int i = 0; i < 8; ++i) {
    const StageResult next = made("more" + std::to_string(i), publish(store_, std::to_string(i)));
    store_.write_result(next);
    found(next.key);
  }
  const std::string lines = text();
  EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 1 + 4 + 1);
}

TEST_F(ResultIndexTest, GcForgetsItWithTheFirstResultItTakes) {
  GcOptions options;
  store_.gc(options);
  EXPECT_TRUE(fs::exists(index_));
  options.grace = std::chrono::seconds(0);
  options.dry_run = true;
  store_.gc(options);
  EXPECT_TRUE(fs::exists(index_));
  options.dry_run = false;
  store_.gc(options);
  EXPECT_FALSE(fs::exists(index_));
}

}  // namespace
}  // namespace lehr::runtime
