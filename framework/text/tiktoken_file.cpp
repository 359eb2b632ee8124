#include "text/tiktoken_file.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include <lehr/value.h>
#include <boost/unordered/unordered_flat_map.hpp>

#include "text/line_blocks.h"

namespace lehr::text {
namespace {

constexpr std::size_t kLongestToken = 4096;  // bytes; those in use have at most some hundreds

constexpr std::array<std::int8_t, 256> make_digits() {
  std::array<std::int8_t, 256> digits{};
  for (auto& digit : digits) digit = -1;
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (std::size_t i = 0; i < kAlphabet.size(); ++i)
    digits[static_cast<unsigned char>(kAlphabet[i])] = static_cast<std::int8_t>(i);
  return digits;
}
constexpr auto kDigits = make_digits();

std::optional<std::string> from_base64(std::string_view text) {
  if (text.empty() || text.size() % 4 != 0) return std::nullopt;
  while (text.ends_with('=') && text.size() % 4 != 2) text.remove_suffix(1);
  std::string bytes;
  std::uint32_t bits = 0;
  unsigned count = 0;
  for (const char c : text) {
    const int digit = kDigits[static_cast<unsigned char>(c)];
    if (digit < 0) return std::nullopt;
    bits = bits << 6 | static_cast<std::uint32_t>(digit);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes += static_cast<char>(bits >> count & 0xFF);
  }
  return bytes;
}

struct Ranked {
  std::string bytes;
  std::uint32_t rank;
};

std::optional<Ranked> parse_line(std::string_view line) {
  const std::size_t space = line.find(' ');
  if (space == std::string_view::npos || space > kLongestToken / 3 * 4) return std::nullopt;
  auto bytes = from_base64(line.substr(0, space));
  std::uint32_t rank = 0;
  const char* const end = line.data() + line.size();
  const auto number = std::from_chars(line.data() + space + 1, end, rank);
  if (!bytes || number.ec != std::errc() || number.ptr != end) return std::nullopt;
  return Ranked{std::move(*bytes), rank};
}

// All pairs of tokens whose bytes joined are a token, by that token, then left, then right.
std::vector<std::pair<TokenId, TokenId>> merges_of(const std::vector<std::string>& tokens) {
  boost::unordered_flat_map<std::string_view, TokenId> ids;
  for (std::size_t id = 0; id < tokens.size(); ++id)
    if (!tokens[id].empty()) ids.emplace(tokens[id], static_cast<TokenId>(id));
  std::vector<std::pair<TokenId, TokenId>> merges;
  for (const std::string_view token : tokens) {
    const std::size_t first = merges.size();
    for (std::size_t cut = 1; cut < token.size(); ++cut) {
      const auto left = ids.find(token.substr(0, cut));
      if (left == ids.end()) continue;
      const auto right = ids.find(token.substr(cut));
      if (right != ids.end()) merges.emplace_back(left->second, right->second);
    }
    std::sort(merges.begin() + static_cast<std::ptrdiff_t>(first), merges.end());
  }
  return merges;
}

}  // namespace

bool is_tiktoken_file(std::string_view file) {
  std::string_view line;
  return take_line(file, line) && parse_line(line).has_value();
}

TokenizerSpec parse_tiktoken_file(std::string_view file, const Pretokenizer& pretokenizer) {
  TokenizerSpec spec;
  spec.pretokenizer = pretokenizer;
  spec.merging = Merging::rank_concat;
  spec.ignore_merges = true;
  const std::size_t most = file.size();  // ranks size a table, and a line has 6 bytes or more
  std::size_t number = 0;
  std::string_view line;
  while (take_line(file, line)) {
    ++number;
    if (line.empty()) continue;
    auto ranked = parse_line(line);
    if (!ranked)
      throw Error("line " + std::to_string(number) + ": not a token in base64 and its rank");
    if (ranked->rank > most + 1024)
      throw Error("line " + std::to_string(number) + ": rank " + std::to_string(ranked->rank) +
                  " is too large for a file of this size");
    if (ranked->rank >= spec.tokens.size()) spec.tokens.resize(ranked->rank + 1);
    if (!spec.tokens[ranked->rank].empty())
      throw Error("line " + std::to_string(number) + ": rank " + std::to_string(ranked->rank) +
                  " is given twice");
    spec.tokens[ranked->rank] = std::move(ranked->bytes);
  }
  if (spec.tokens.empty()) throw Error("there are no tokens");
  spec.merges = merges_of(spec.tokens);
  return spec;
}

}  // namespace lehr::text
