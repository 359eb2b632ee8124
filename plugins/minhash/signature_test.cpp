#include "signature.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <string>

#include "short_xxh64.h"

namespace lehr::plugins::minhash {
namespace {

std::string words(std::mt19937& random, int n) {
  std::string text;
  for (int i = 0; i < n; ++i) {  // of letters: numbers are all alike
    for (auto left = random() % 5000 + 1; left > 0; left /= 26)
      text += static_cast<char>('a' + left % 26);
    text += ' ';
  }
  return text;
}

SignatureOptions options(HashMode hash, std::size_t bands = 14, std::size_t rows = 8) {
  SignatureOptions o;
  o.shingles.hash = hash;
  o.bands = bands;
  o.rows = rows;
  return o;
}

std::vector<std::uint64_t> minima(const SignatureOptions& o, std::string_view text,
                                  Isa isa = best_isa()) {
  Signer signer(o, isa);
  std::vector<BandKey> keys;
  return signer.sign(text, keys) ? signer.minima() : std::vector<std::uint64_t>();
}

TEST(Signature, HasTheNumbersOfDatatrove) {
  // MinhashDedupSignature.get_signature over whitespace words, first and last of 112.
  const auto m =
      minima(options(HashMode::datatrove), "The quick brown fox jumps over 2 lazy dogs.");
  ASSERT_EQ(m.size(), 112u);
  EXPECT_EQ(m.front(), 85330943174081874u);
  EXPECT_EQ(m.back(), 140016687107251586u);
}

TEST(Signature, IsTheSameWithEveryInstructionSet) {
  std::mt19937 random(1);
  for (const HashMode hash : {HashMode::fast, HashMode::datatrove})
    for (const auto& [bands, rows] : {std::pair(14, 8), {20, 13}, {1, 1}, {25, 10}, {3, 11}})
      for (const int n : {5, 6, 30, 517, 1100}) {
        const auto o = options(hash, bands, rows);
        const std::string text = words(random, n);
        const auto baseline = minima(o, text, Isa::baseline);
        ASSERT_EQ(baseline.size(), o.bands * o.rows);
        for (const Isa isa : {Isa::avx2, Isa::avx512})
          if (isa <= best_isa()) {
            EXPECT_EQ(minima(o, text, isa), baseline) << int(isa);
          }
      }
}

TEST(Signature, TakesTheLeastValueOfEachFunction) {
  std::mt19937_64 random(2);
  std::vector<std::uint64_t> x(777), a(16), b(16), wide(16, ~0ull >> 1);
  for (auto* list : {&x, &a, &b})
    for (auto& value : *list) value = random();
  x[3] = 0;
  b[0] = (1ull << 61) - 1;  // folds to the modulus itself, which is 0
  std::vector<std::uint32_t> narrow(32, ~0u);
  minima_kernels().permuted(x.data(), x.size(), a.data(), b.data(), wide.data(), 16);
  minima_kernels().strided(x.data(), x.size(), narrow.data(), 32);
  for (std::size_t k = 0; k < 16; ++k) {
    std::uint64_t least = ~std::uint64_t{0};
    for (const auto value : x)
      least = std::min(least, (value * a[k] + b[k]) % ((std::uint64_t{1} << 61) - 1));
    EXPECT_EQ(wide[k], least) << k;
  }
  EXPECT_EQ(wide[0], 0u);
  for (std::uint32_t k = 0; k < 32; ++k) {
    std::uint32_t least = ~0u;
    for (const auto value : x)
      least = std::min(least, static_cast<std::uint32_t>(value) +
                                  k * (static_cast<std::uint32_t>(value >> 32) | 1));
    EXPECT_EQ(narrow[k], least) << k;
  }
}

TEST(Signature, HashesShortTextsAsXxh64Does) {
  std::mt19937 random(4);
  std::string text(300 + 8, '\0');
  for (char& c : text) c = static_cast<char>(random());
  for (std::size_t size = 0; size <= 300; ++size)
    for (std::size_t begin = 0; begin < 8 && begin + size <= 300; ++begin)
      ASSERT_EQ(ShortXxh64::hash(text.data() + begin, size), XXH64(text.data() + begin, size, 0))
          << size;
}

TEST(Signature, TextsShorterThanAShingleHaveNone) {
  Signer signer(options(HashMode::fast));
  std::vector<BandKey> keys;
  EXPECT_FALSE(signer.sign("", keys));
  EXPECT_FALSE(signer.sign("one two three four, ...!", keys));
  EXPECT_TRUE(keys.empty());
  EXPECT_TRUE(signer.sign("one two three four five", keys));
  EXPECT_EQ(keys.size(), 14u);
}

TEST(Signature, ShinglesOfWordsAreCutWhereTheSplitterSays) {
  ShingleOptions o;
  o.size = 2;
  for (const HashMode hash : {HashMode::fast, HashMode::datatrove}) {
    o.hash = hash;
    Shingler uax29(o);
    EXPECT_EQ(uax29.shingles("中文字 ж").size(), 3u);
    const auto first = uax29.shingles("中 文")[0];
    EXPECT_EQ(uax29.shingles("中文")[0], first);
    o.splitter = text::WordSplitter::whitespace;
    Shingler whitespace(o);
    EXPECT_EQ(whitespace.shingles("中文字 ж").size(), 1u);
    EXPECT_EQ(whitespace.shingles("中 \u0301 文")[0], first);
    o.splitter = text::WordSplitter::uax29;
  }
}

TEST(Signature, ShinglesOfCharactersAreCountedInCodePoints) {
  ShingleOptions o;
  o.unit = ShingleUnit::characters;
  o.size = 4;
  for (const HashMode hash : {HashMode::fast, HashMode::datatrove}) {
    o.hash = hash;
    Shingler shingler(o);
    EXPECT_EQ(shingler.shingles("中文字ж").size(), 1u);
    EXPECT_EQ(shingler.shingles("中文字").size(), 0u);
    EXPECT_EQ(shingler.shingles("A b, cd").size(), 3u);
  }
}

// The share of functions whose minima agree estimates the similarity of the sets.
TEST(Signature, EstimatesSimilarityWithinItsDeviation) {
  std::mt19937 random(3);
  for (const HashMode hash : {HashMode::fast, HashMode::datatrove})
    for (const int length : {12, 60, 400}) {
      const auto o = options(hash);
      double error = 0, squared = 0;
      const int pairs = 300;
      for (int i = 0; i < pairs; ++i) {
        const std::string common = words(random, length / 2);
        const std::string first = common + words(random, length / 2);
        const std::string second = common + words(random, length / 4);
        Shingler shingler(o.shingles);
        const auto list = [&](const std::string& text) {
          const auto s = shingler.shingles(text);
          return std::set<std::uint64_t>(s.begin(), s.end());
        };
        const auto a = list(first), b = list(second);
        std::size_t shared = 0;
        for (const auto x : a) shared += b.count(x);
        const double similarity = double(shared) / double(a.size() + b.size() - shared);
        const auto m = minima(o, first), n = minima(o, second);
        std::size_t equal = 0;
        for (std::size_t k = 0; k < m.size(); ++k) equal += m[k] == n[k];
        const double difference = double(equal) / double(m.size()) - similarity;
        error += difference;
        squared += difference * difference;
      }
      // 112 independent functions at similarity 1/2 deviate by 0.047; the mean of 300 by 0.0027.
      EXPECT_LT(std::abs(error / pairs), 4 * 0.0027) << int(hash) << " " << length;
      EXPECT_LT(std::sqrt(squared / pairs), 0.06) << int(hash) << " " << length;
    }
}

}  // namespace
}  // namespace lehr::plugins::minhash
