#include "wordnet_database.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>

namespace lehr::plugins::wordnet {
namespace {

namespace fs = std::filesystem;

// A database of two nouns and an adjective pair in a folder of its own.
class WordNetDatabaseTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ =
        fs::path(testing::TempDir()) /
        ("wordnet_" + std::string(testing::UnitTest::GetInstance()->current_test_info()->name()));
    fs::create_directories(folder_);
    const std::string licence = "  1 This text is not data\n";
    const std::size_t first = licence.size();
    nouns_ = licence;
    const std::size_t second =
        first + line(first, 0, "05 n 01 bird 0 001 ~ 00000000 n 0000 | an animal").size();
    nouns_ += line(first, second, "05 n 01 bird 0 001 ~ TARGET n 0000 | an animal");
    nouns_ += line(second, first,
                   "05 n 02 finch 0 small_bird 1 001 @ TARGET n 0000 | a bird; \"it sings\"  ");
    write("data.noun", nouns_);
    write("index.noun", licence + "bird n 1 1 ~ 1 0 " + offset(first) + "\nfinch n 1 1 @ 1 0 " +
                            offset(second) + "  \n");
    const std::size_t hot = 0;
    const std::size_t cold =
        line(hot, 0, "00 a 01 hot(p) 0 001 ! 00000000 a 0101 | not cold").size();
    write("data.adj", line(hot, cold, "00 a 01 hot(p) 0 001 ! TARGET a 0101 | not cold") +
                          line(cold, hot, "00 a 01 cold 0 001 ! TARGET a 0101 | not hot"));
    write("index.adj", "hot a 1 1 ! 1 1 " + offset(hot) + "\n");
    for (const char* name : {"data.verb", "data.adv", "index.verb", "index.adv"})
      write(name, licence);
  }
  void TearDown() override { fs::remove_all(folder_); }

  static std::string offset(std::size_t value) {
    char text[16];
    std::snprintf(text, sizeof text, "%08zu", value);
    return text;
  }
  static std::string line(std::size_t at, std::size_t target, std::string rest) {
    if (const auto place = rest.find("TARGET"); place != std::string::npos) {
      rest.replace(place, 6, offset(target));
    }
    return offset(at) + " " + rest + "\n";
  }
  void write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ / name, std::ios::binary) << text;
  }
  std::string failure() {
    try {
      WordNetDatabase::read(folder_);
    } catch (const std::runtime_error& error) {
      return error.what();
    }
    return {};
  }

  fs::path folder_;
  std::string nouns_;
};

TEST_F(WordNetDatabaseTest, ReadsWordsGlossesAndPointers) {
  const auto database = WordNetDatabase::read(folder_);
  ASSERT_EQ(database.size(), 4u);
  const auto senses = database.senses("Finch", PartOfSpeech::noun);
  ASSERT_EQ(senses.size(), 1u);
  const Synset& finch = database[senses[0]];
  EXPECT_EQ(finch.words, (std::vector<std::string>{"finch", "small bird"}));
  EXPECT_EQ(finch.gloss, "a bird; \"it sings\"");
  const auto above = database.related(senses[0], "@");
  ASSERT_EQ(above.size(), 1u);
  EXPECT_EQ(database[above[0]].words[0], "bird");
  EXPECT_TRUE(database.related(senses[0], "~").empty());
}

TEST_F(WordNetDatabaseTest, JoinsAntonymsAcrossWordsAndDropsPositionMarkers) {
  const auto database = WordNetDatabase::read(folder_);
  const auto hot = database.senses("hot", PartOfSpeech::adjective);
  ASSERT_EQ(hot.size(), 1u);
  EXPECT_EQ(database[hot[0]].words[0], "hot");
  ASSERT_EQ(database[hot[0]].pointers.size(), 1u);
  const Pointer& pointer = database[hot[0]].pointers[0];
  EXPECT_EQ(database[pointer.target].words[pointer.target_word - 1], "cold");
}

TEST_F(WordNetDatabaseTest, KnowsAWordOfAnyPartOfSpeech) {
  const auto database = WordNetDatabase::read(folder_);
  EXPECT_TRUE(database.knows("BIRD"));
  EXPECT_TRUE(database.knows("hot"));
  EXPECT_FALSE(database.knows("zwimmel"));
}

TEST(WordNetDatabase, NamesThePackageWhenTheFolderIsMissing) {
  try {
    WordNetDatabase::read("/nonexistent/wordnet");
    FAIL() << "a missing folder was accepted";
  } catch (const std::runtime_error& error) {
    EXPECT_NE(std::string(error.what()).find("apt install wordnet-base"), std::string::npos);
    EXPECT_NE(std::string(error.what()).find("/nonexistent/wordnet"), std::string::npos);
  }
}

TEST_F(WordNetDatabaseTest, NamesThePackageWhenAFileIsMissing) {
  fs::remove(folder_ / "index.verb");
  EXPECT_NE(failure().find("apt install wordnet-base"), std::string::npos);
  EXPECT_NE(failure().find("index.verb"), std::string::npos);
}

TEST_F(WordNetDatabaseTest, NamesTheLineOfAnOffsetThatIsNotItsPlace) {
  write("data.noun", " licence\n" + nouns_);
  EXPECT_NE(failure().find("data.noun:3: the line's offset is not its place"), std::string::npos);
}

TEST_F(WordNetDatabaseTest, NamesTheLineOfAPointerToNowhere) {
  write("data.verb", "00000000 29 v 01 sing 0 001 @ 00000123 v 0000 00 | make music\n");
  EXPECT_NE(failure().find("data.verb:1: no synset starts at byte 123"), std::string::npos);
}

TEST_F(WordNetDatabaseTest, RejectsEveryTruncationOfALine) {
  const std::string whole = "00000000 29 v 01 sing 0 001 ! 00000000 v 0101 | make music";
  for (std::size_t size = 1; size <= whole.find(" | "); ++size) {
    write("data.verb", whole.substr(0, size) + "\n");
    EXPECT_NE(failure().find("data.verb:1: "), std::string::npos) << "cut to " << size << " bytes";
  }
}

TEST_F(WordNetDatabaseTest, RejectsCountsBeyondTheFormat) {
  write("data.verb", "00000000 29 v fff sing 0 000 | make music\n");
  EXPECT_NE(failure().find("1 to 255 words"), std::string::npos);
  write("data.verb", "00000000 29 v 01 sing 0 99999 | make music\n");
  EXPECT_NE(failure().find("at most 999 pointers"), std::string::npos);
  write("data.verb", "00000000 29 v 01 sing 0 001 ! 00000000 v 0109 | make music\n");
  EXPECT_NE(failure().find("ends at a word that is not there"), std::string::npos);
}

}  // namespace
}  // namespace lehr::plugins::wordnet
