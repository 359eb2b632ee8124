// On the real database: names that look real and are not.
#include "made_up_names.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "real_lexicon_test.h"

namespace lehr::plugins::wordnet {
namespace {

const NameKinds& kinds() {
  static const NameKinds one(lexicon());
  return one;
}

TEST(LetterChain, GivesBackTheOnlyNameItKnows) {
  LetterChain chain;
  chain.learn("Veltrosk");
  Random random(7, "test");
  EXPECT_EQ(chain.draw(random), "Veltrosk");
}

TEST(LetterChain, JoinsNamesWhereThreeLettersAgree) {
  LetterChain chain;
  chain.learn("marble");
  chain.learn("garbage");
  Random random(7, "test");
  std::set<std::string> drawn;
  for (int i = 0; i < 200; ++i) drawn.insert(chain.draw(random));
  EXPECT_EQ(drawn, (std::set<std::string>{"marble", "garbage", "marbage", "garble"}));
}

TEST(MadeUpNames, AreWrittenNowhereInWordNet) {
  MadeUpNames names(lexicon(), kinds(), Random(7, "test"), 0, 1);
  for (int i = 0; i < 200; ++i) {
    for (const std::string& name : {names.noun(), names.adjective(), names.place()}) {
      EXPECT_FALSE(lexicon().writes(name)) << name;
    }
  }
}

TEST(MadeUpNames, StandAsTheirKindStands) {
  MadeUpNames names(lexicon(), kinds(), Random(7, "test"), 0, 1);
  const std::string noun = names.noun(), place = names.place(), person = names.person();
  EXPECT_TRUE(noun[0] >= 'a' && noun[0] <= 'z') << noun;
  EXPECT_TRUE(place[0] >= 'A' && place[0] <= 'Z') << place;
  const auto space = person.find(' ');
  ASSERT_NE(space, std::string::npos) << person;
  EXPECT_GT(std::ranges::count(kinds().first_names, person.substr(0, space)), 0) << person;
  EXPECT_FALSE(lexicon().writes(person.substr(space + 1))) << person;
}

TEST(MadeUpNames, OfTwoPoolsAreNeverTheSame) {
  std::set<std::string> seen;
  for (std::uint64_t pool = 0; pool < 3; ++pool) {
    MadeUpNames names(lexicon(), kinds(), Random(7, "test"), pool, 3);
    for (int i = 0; i < 300; ++i) EXPECT_TRUE(seen.insert(names.noun()).second);
  }
}

TEST(Lexicon, KnowsWordsThatOnlyGlossesWrite) {
  EXPECT_TRUE(lexicon().writes("which"));      // no lemma
  EXPECT_TRUE(lexicon().writes("Countries"));  // no lemma in the plural
  EXPECT_FALSE(lexicon().writes("zwimmel"));
}

}  // namespace
}  // namespace lehr::plugins::wordnet
