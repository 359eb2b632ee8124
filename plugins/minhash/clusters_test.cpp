#include "clusters.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <tbb/parallel_for.h>

#include <fstream>
#include <mutex>
#include <random>
#include <set>

#include "band_runs.h"
#include "lehr/value.h"
#include "text/handed_over.h"

namespace lehr::plugins::minhash {
namespace {

namespace fs = std::filesystem;

TEST(Clusters, AreNamedByTheirSmallestDocumentWhateverTheOrder) {
  std::mt19937 random(1);
  std::vector<std::pair<std::uint32_t, std::uint32_t>> pairs;
  const std::uint32_t n = 20000;
  for (int i = 0; i < 15000; ++i) pairs.emplace_back(random() % n, random() % n);
  // The slow reference: names spread along pairs until none changes.
  std::vector<std::uint32_t> expected(n);
  for (std::uint32_t i = 0; i < n; ++i) expected[i] = i;
  for (bool changed = true; changed;) {
    changed = false;
    for (const auto& [a, b] : pairs) {
      const std::uint32_t least = std::min(expected[a], expected[b]);
      changed |= expected[a] != least || expected[b] != least;
      expected[a] = expected[b] = least;
    }
  }
  for (int round = 0; round < 3; ++round) {
    std::shuffle(pairs.begin(), pairs.end(), random);
    Clusters clusters(n);
    {
      const tbb::blocked_range<std::size_t> all(0, pairs.size(), 64);
      const text::HandedOver here;
      tbb::parallel_for(all, [&](const auto& some) {
        const text::HandedOver there;
        for (std::size_t i = some.begin(); i < some.end(); ++i)
          clusters.unite(pairs[i].first, pairs[i].second);
      });
    }
    clusters.finish();
    for (std::uint32_t i = 0; i < n; ++i) ASSERT_EQ(clusters.root(i), expected[i]);
  }
}

TEST(Clusters, AreCountedBySizeWithTheLargestAsExamples) {
  Clusters clusters(20);
  for (const auto& [a, b] : {std::pair(3u, 1u), {4u, 9u}, {9u, 12u}, {12u, 13u}, {15u, 13u}})
    clusters.unite(a, b);
  clusters.finish();
  const ClusterSummary summary = summarise(clusters);
  EXPECT_EQ(summary.clusters, 2u);
  EXPECT_EQ(summary.dropped, 5u);
  EXPECT_EQ(summary.largest, 5u);
  EXPECT_EQ(summary.sizes, (std::map<std::uint64_t, std::uint64_t>{{2, 1}, {8, 1}}));
  ASSERT_EQ(summary.examples.size(), 2u);
  EXPECT_EQ(summary.examples[0].size, 5u);
  EXPECT_EQ(summary.examples[0].documents, (std::vector<std::uint32_t>{4, 9, 12}));
  EXPECT_EQ(summary.examples[1].documents, (std::vector<std::uint32_t>{1, 3}));
}

class BandRuns : public testing::Test {
 protected:
  BandRuns() { fs::create_directories(folder_); }
  ~BandRuns() override { fs::remove_all(folder_); }
  const fs::path folder_ = fs::path(testing::TempDir()) / "lehr_band_runs";
};

TEST_F(BandRuns, MeetInEveryKeyOfAnyNumberOfRuns) {
  std::mt19937_64 random(1);
  std::vector<BandRecord> all;
  for (std::uint32_t document = 0; document < 100000; ++document)
    for (int band = 0; band < 3; ++band) {
      const bool common = random() % 10 == 0;  // one key that very many share
      const std::uint64_t key = common ? 7 : (random() % 90000) * 0x9e3779b97f4a7c15;
      all.push_back({key, static_cast<std::uint32_t>(key >> 7), document});
    }
  std::set<std::pair<std::uint32_t, std::uint32_t>> expected;
  std::map<std::pair<std::uint64_t, std::uint32_t>, std::uint32_t> least;
  for (const BandRecord& r : all) {
    const auto [found, fresh] = least.try_emplace({r.high, r.low}, r.document);
    if (!fresh) expected.emplace(found->second, r.document);
  }
  for (const std::size_t count : {1, 5}) {
    std::vector<fs::path> files;
    for (std::size_t run = 0; run < count; ++run) {
      files.push_back(folder_ / std::to_string(run));
      std::vector<BandRecord> part;
      for (std::size_t i = run; i < all.size(); i += count) part.push_back(all[i]);
      write_run(files.back(), part);
    }
    for (const std::size_t memory : {1 << 10, 1 << 30}) {
      std::set<std::pair<std::uint32_t, std::uint32_t>> got;
      std::mutex mutex;
      for_each_pair(
          files, memory, 2, [] { return false; },
          [&](std::uint32_t a, std::uint32_t b) {
            const std::lock_guard lock(mutex);
            got.emplace(a, b);
          });
      EXPECT_EQ(got, expected) << count << " runs, " << memory << " bytes";
    }
  }
}

TEST_F(BandRuns, AreMoreThanAProcessMayOpenByDefault) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit few = before;
  few.rlim_cur = 64;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
  std::vector<fs::path> files;
  for (std::uint32_t document = 0; document < 100; ++document) {
    std::vector<BandRecord> one = {{7, 7, document}};
    write_run(files.emplace_back(folder_ / std::to_string(document)), one);
  }
  int pairs = 0;
  for_each_pair(
      files, 1 << 20, 1, [] { return false; }, [&](std::uint32_t, std::uint32_t) { ++pairs; });
  EXPECT_EQ(pairs, 99);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
}

TEST_F(BandRuns, NameAFileThatIsDamaged) {
  std::ofstream(folder_ / "cut") << "seventeen bytes..";
  const auto nothing = [](std::uint32_t, std::uint32_t) {};
  try {
    for_each_pair(
        {folder_ / "cut"}, 1 << 20, 1, [] { return false; }, nothing);
    FAIL();
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("cut: is damaged"), std::string::npos) << e.what();
  }
}

}  // namespace
}  // namespace lehr::plugins::minhash
