#include <gtest/gtest.h>
#include <lehr/value.h>

#include <algorithm>
#include <random>
#include <set>

#include "blend.h"
#include "placing.h"
#include "record_runs.h"

namespace lehr::plugins::mix {
namespace {

namespace fs = std::filesystem;

BlendSource source(const char* name, std::uint64_t size, std::optional<double> weight = {},
                   double max_epochs = 1) {
  return {name, size, weight, max_epochs, {}};
}

TEST(Blend, TakesEverythingWhereNothingIsSaid) {
  EXPECT_EQ(blend({source("a", 100), source("b", 7)}, {}).amounts,
            (std::vector<std::uint64_t>{100, 7}));
  EXPECT_EQ(blend({source("a", 100, {}, 2.5), source("b", 7)}, {}).amounts,
            (std::vector<std::uint64_t>{250, 7}));
}

TEST(Blend, WithoutATotalKeepsSharesAndCapsAndIsAsLargeAsItCanBe) {
  // 3 : 1, the first may give 300: so the second gives 100 of its 1000.
  EXPECT_EQ(blend({source("a", 300, 3), source("b", 1000, 1)}, {}).amounts,
            (std::vector<std::uint64_t>{300, 100}));
  EXPECT_EQ(blend({source("a", 300, 3, 4), source("b", 1000, 1)}, {}).amounts,
            (std::vector<std::uint64_t>{1200, 400}));
}

TEST(Blend, LeavesWhatACappedSourceCannotGiveToTheOthersAndSaysSo) {
  const Blend three = blend({source("a", 10, 2), source("b", 1000, 1), source("c", 1000, 1)}, 410);
  EXPECT_EQ(three.amounts, (std::vector<std::uint64_t>{10, 200, 200}));
  ASSERT_EQ(three.notes.size(), 1u);
  EXPECT_NE(three.notes[0].find("2.44 % of the mix instead of 50.00 %"), std::string::npos);
  const Blend all = blend({source("a", 10, 2), source("b", 20, 1)}, 100);
  EXPECT_EQ(all.amounts, (std::vector<std::uint64_t>{10, 20}));
  EXPECT_EQ(all.notes.back(), "the sources give 30 of the total of 100");
  BlendSource limited = source("a", 1000, 2);
  limited.max_amount = 10;
  EXPECT_TRUE(
      blend({limited, source("b", 1000, 1)}, 100)
          .notes.at(0)
          .ends_with("10.00 % of the mix instead of 66.67 %. Raise its limit to keep its share"));
}

TEST(Blend, SaysNothingOfASourceThatHasItsShareOrMore) {
  const std::vector<std::string> only_total = {"the sources give 100 of the total of 3000"};
  EXPECT_EQ(blend({source("a", 50, 0), source("b", 100, 1)}, 3000).notes, only_total);
  const Blend two = blend({source("a", 310, 6), source("b", 10, 3)}, 3000);
  ASSERT_EQ(two.notes.size(), 2u);
  EXPECT_TRUE(two.notes[0].starts_with("source 'b' reached its limit: 3.12 % ")) << two.notes[0];
}

TEST(Blend, RefusesWhatCannotBeMeant) {
  EXPECT_THROW(blend({source("a", 10, 2), source("b", 10)}, {}), Error);
  EXPECT_THROW(blend({source("a", 10, 0)}, {}), Error);
  EXPECT_THROW(blend({source("a", 0, 1), source("b", 10, 1)}, {}), Error);
  EXPECT_THROW(blend({source("a", 0)}, {}), Error);
  const double infinite = std::numeric_limits<double>::infinity();
  EXPECT_THROW(blend({source("a", 10, infinite), source("b", 10, 1)}, {}), Error);
  EXPECT_THROW(blend({source("a", 10, 1, 0), source("b", 10, 1)}, {}), Error);
  EXPECT_THROW(blend({source("b", 10, 1), source("a", 10, 1, 0)}, {}), Error);
}

TEST(Blend, HasSharesOfWeightsOfAnySize) {
  const std::vector<std::uint64_t> halves = {100, 100};
  EXPECT_EQ(blend({source("a", 100, 1e308), source("b", 1000, 1e308)}, {}).amounts, halves);
  EXPECT_EQ(blend({source("a", 100, 5e-324), source("b", 1000, 5e-324)}, {}).amounts, halves);
  EXPECT_EQ(blend({source("a", 100, {}, 1e308), source("b", 100, {}, 1e308)}, 200).amounts, halves);
}

struct Placed {
  std::vector<std::vector<std::uint64_t>> places;  // of each document
  std::uint64_t amount = 0;
};

Placed place(std::uint64_t seed, std::uint64_t documents, std::uint64_t size, double epochs,
             bool shuffle = true) {
  Placing placing(seed, "web", shuffle);
  for (std::uint64_t i = 0; i < documents; ++i) placing.count(size);
  placing.take(static_cast<std::uint64_t>(static_cast<double>(documents * size) * epochs));
  Placed out;
  for (std::uint64_t i = 0; i < documents; ++i) {
    out.places.push_back(placing.places(size));
    out.amount += out.places.back().size() * size;
  }
  return out;
}

TEST(Blend, RefusesAMixThatCannotBeCounted) {
  EXPECT_THROW(blend({source("a", 100, {}, 1e300)}, {}), Error);
  EXPECT_THROW(blend({source("a", 1000, {}, 4e15), source("b", 1000, {}, 4e15)}, {}), Error);
  EXPECT_EQ(blend({source("a", 100, {}, 1e300)}, 250).amounts, (std::vector<std::uint64_t>{250}));
}

TEST(Placing, TakesWholeEpochsAndTheAskedPartOfOneMore) {
  const Placed placed = place(1, 20000, 10, 2.3);
  EXPECT_LE(placed.amount, 460000u);
  EXPECT_GE(placed.amount, 459900u);  // short of a bin of about four documents at most
  for (const auto& places : placed.places) {
    ASSERT_TRUE(places.size() == 2 || places.size() == 3);
    // Each epoch has its own part of the mix.
    EXPECT_LT(places[0], static_cast<std::uint64_t>(1.001 / 2.3 * 0x1p64));
    EXPECT_GE(places[1], static_cast<std::uint64_t>(0.999 / 2.3 * 0x1p64));
  }
}

TEST(Placing, SpreadsASourceEvenlyOverTheMix) {
  for (const double epochs : {0.25, 1.0, 1.5}) {
    std::vector<int> tenths(10);
    int all = 0;
    for (const auto& places : place(3, 40000, 7, epochs).places)
      for (const std::uint64_t at : places) ++tenths[at / 1844674407370955162u], ++all;
    for (const int count : tenths) EXPECT_NEAR(count, all / 10, 5 * std::sqrt(all / 10)) << epochs;
  }
}

TEST(Placing, FollowsTheSeedAndKeepsTheOrderWhereItIsNotToShuffle) {
  EXPECT_EQ(place(1, 100, 5, 1.5).places, place(1, 100, 5, 1.5).places);
  EXPECT_NE(place(1, 100, 5, 1).places, place(2, 100, 5, 1).places);
  std::uint64_t before = 0;
  for (const auto& places : place(1, 100, 5, 1, false).places) {
    ASSERT_EQ(places.size(), 1u);
    EXPECT_GE(places[0], before);
    before = places[0];
  }
}

TEST(RecordRuns, GiveTheSameOrderWhereverOneEndsAndGoOnAnywhere) {
  const fs::path folder = fs::path(testing::TempDir()) / "lehr_record_runs";
  fs::remove_all(folder);
  fs::create_directories(folder);
  std::vector<std::pair<std::uint64_t, std::string>> records;
  std::mt19937_64 random(1);
  for (int i = 0; i < 30000; ++i) {
    const std::uint64_t key = i % 7 == 0 ? 42 : random();
    records.emplace_back(key, std::to_string(i) + std::string(random() % 100, 'x'));
  }
  auto expected = records;
  std::stable_sort(expected.begin(), expected.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  for (const std::uint64_t memory : {64u << 20, 1u << 20, 1u << 14}) {
    std::vector<fs::path> runs;
    HeldRecords held;
    for (std::size_t i = 0; i < records.size(); ++i) {
      held.add(records[i].first, records[i].second);
      if (held.memory_bytes() < memory && i + 1 < records.size()) continue;
      runs.push_back(folder / std::to_string(runs.size()));
      held.write(runs.back());
      EXPECT_TRUE(held.empty());
    }
    std::vector<std::uint64_t> offsets;
    std::size_t given = 0;
    for (bool more = true; more;) {  // stopped after every 4,999
      RunMerge merge(runs, offsets);
      std::string_view record;
      for (int i = 0; i < 4999 && (more = merge.next(record)); ++i, ++given)
        ASSERT_EQ(record, expected.at(given).second);
      offsets = merge.offsets();
    }
    EXPECT_EQ(given, expected.size());
    for (const fs::path& run : runs) fs::remove(run);
  }
  fs::remove_all(folder);
}

}  // namespace
}  // namespace lehr::plugins::mix
