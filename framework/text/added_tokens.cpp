#include "text/added_tokens.h"

#include <algorithm>

#include "text/unicode_class.h"

namespace lehr::text {
namespace {

std::size_t pair_of(char first, char second) {
  return static_cast<unsigned char>(first) * 256u + static_cast<unsigned char>(second);
}

// First byte of the character that ends at `end` > 0.
std::size_t character_before(std::string_view text, std::size_t end) {
  std::size_t at = end - 1;
  while (at > 0 && end - at < 4 && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) --at;
  return char_at(text, at).length == end - at ? at : end - 1;
}

std::size_t without_space_before(std::string_view text, std::size_t end, std::size_t least) {
  while (end > least) {
    const std::size_t at = character_before(text, end);
    if (at < least || !(char_at(text, at).flags & kSpace)) break;
    end = at;
  }
  return end;
}

std::size_t after_space(std::string_view text, std::size_t at) {
  while (at < text.size()) {
    const Char c = char_at(text, at);
    if (!(c.flags & kSpace)) break;
    at += c.length;
  }
  return at;
}

}  // namespace

AddedTokens::AddedTokens(std::vector<AddedToken> tokens) : tokens_(std::move(tokens)) {
  std::erase_if(tokens_, [](const AddedToken& t) { return t.content.empty(); });
  std::stable_sort(tokens_.begin(), tokens_.end(), [](const AddedToken& a, const AddedToken& b) {
    return a.content.size() > b.content.size();
  });
  for (std::size_t i = 0; i < tokens_.size(); ++i) {
    const char first = tokens_[i].content[0];
    auto& same = by_byte_[static_cast<unsigned char>(first)];
    if (same.empty()) first_bytes_ += first;
    same.push_back(static_cast<std::uint32_t>(i));
    const std::string& content = tokens_[i].content;
    if (content.size() > 1) pairs_.set(pair_of(first, content[1]));
    for (int second = 0; content.size() == 1 && second < 256; ++second)
      pairs_.set(pair_of(first, static_cast<char>(second)));
    all_special_ = all_special_ && tokens_[i].special;
  }
}

// Where a token may begin, at `at` or later; text.size() if nowhere.
std::size_t AddedTokens::next_first_byte(std::string_view text, std::size_t at) const {
  if (first_bytes_.size() == 1) return std::min(text.find(first_bytes_[0], at), text.size());
  while (at < text.size() && by_byte_[static_cast<unsigned char>(text[at])].empty()) ++at;
  return at;
}

const AddedToken* AddedTokens::longest_at(std::string_view text, std::size_t at) const {
  const std::string_view rest = text.substr(at);
  if (rest.size() > 1 && !pairs_[pair_of(rest[0], rest[1])]) return nullptr;
  for (const std::uint32_t i : by_byte_[static_cast<unsigned char>(text[at])])
    if (rest.starts_with(tokens_[i].content)) return &tokens_[i];
  return nullptr;
}

void AddedTokens::split(std::string_view text, bool special_as_text,
                        std::vector<Piece>& pieces) const {
  std::size_t done = 0;  // text before it is in `pieces`
  const bool nothing = first_bytes_.empty() || (special_as_text && all_special_);
  for (std::size_t at = nothing ? text.size() : 0;
       (at = next_first_byte(text, at)) < text.size();) {
    const AddedToken* token = longest_at(text, at);
    if (token == nullptr) {
      ++at;
      continue;
    }
    std::size_t begin = at, end = at + token->content.size();
    at = end;
    if (token->special && special_as_text) continue;
    if (token->single_word) {
      if (begin > 0 && is_word_character(text, character_before(text, begin))) continue;
      if (end < text.size() && is_word_character(text, end)) continue;
    }
    if (begin < done) continue;  // inside the white space that the token before it took
    if (token->lstrip) begin = without_space_before(text, begin, done);
    if (token->rstrip) end = after_space(text, end);
    if (begin > done) pieces.push_back({text.substr(done, begin - done), std::nullopt});
    pieces.push_back({text.substr(begin, end - begin), token->id});
    done = end;
  }
  if (done < text.size()) pieces.push_back({text.substr(done), std::nullopt});
}

}  // namespace lehr::text
