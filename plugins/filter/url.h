// Drops documents by where they come from, with the meaning datatrove gives its lists: the first
// that holds something of the address names the reason. The lists are the user's, one entry a line;
// lines that begin with # are comments.
#pragma once

#include <lehr/plugin.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "document_field.h"

namespace lehr::plugins::filter {

// What the files hold, shared by all workers.
struct UrlLists {
  std::vector<std::uint64_t> domains, urls;  // sorted hashes
  std::vector<std::string> banned_words, soft_banned_words, banned_subwords;
};

class Url : public DocumentStep {
 public:
  void describe(Description& d) override;
  void check() override;
  void process(Document& document) override;

 private:
  UrlLists read_lists() const;
  // The name of the first list that holds something of the address; empty if none does.
  std::string_view first_list(std::string_view url);
  bool is_word_of_url(std::string_view word) const;

  std::string field_ = "url", without_url_ = "keep";
  std::optional<std::string> domains_, urls_, banned_words_, soft_banned_words_, banned_subwords_;
  std::int64_t soft_word_threshold_ = 2;
  std::shared_ptr<const UrlLists> lists_;  // since check(), so that planning tells of a bad one
  FieldReader fields_;
  std::vector<std::string_view> words_;
  std::string run_together_;
};

}  // namespace lehr::plugins::filter
