// The two long lists of a tokenizer.json, model.vocab and model.merges, 100,000 entries and more
// each, without a tree of values for them; what else the file says is short and comes back as JSON.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace lehr::text {

struct TokenizerSpec;

// Ids size tables, so they have to be about as many as there are tokens. Throws lehr::Error.
void check_token_id(std::uint64_t id, std::size_t tokens);

class VocabularyJson {
 public:
  // Throws JsonError.
  explicit VocabularyJson(std::string_view tokenizer_json);
  ~VocabularyJson();
  VocabularyJson(const VocabularyJson&) = delete;
  VocabularyJson& operator=(const VocabularyJson&) = delete;

  // The file without the two.
  const std::string& rest() const { return rest_; }
  // Fills tokens and merges. Throws lehr::Error, JsonError.
  void read(TokenizerSpec& spec);
  // After that: how many tokens the vocabulary has, and the id of one, as it is written there.
  std::size_t size() const;
  std::optional<std::uint32_t> find(std::string_view written) const;

 private:
  struct Parsed;
  std::unique_ptr<Parsed> parsed_;
  std::string rest_;
};

}  // namespace lehr::text
