// The stage `tokenizer.import`: a tokenizer that others made, as an artifact: Hugging Face's
// tokenizer.json (or the folder it is in) as it is, a .tiktoken rank file written as one. On
// request with the chat tokens of Lehr's own tokenizers behind what it has, which leaves the ids of
// text as they are.
#pragma once

#include <lehr/plugin.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace lehr::plugins::tokenizer {

class Import : public Stage {
 public:
  void describe(Description& d) override;
  void check() override;
  void run(Context& context) override;

 private:
  struct Special {
    std::string content;
    std::int64_t id = 0;
  };
  std::string path_;
  std::optional<std::string> pattern_, expression_;
  std::vector<Special> special_tokens_;
  bool chat_tokens_ = false;
};

}  // namespace lehr::plugins::tokenizer
