#include "url.h"

#include <xxhash.h>

#include <algorithm>

#include "host_name.h"
#include "shared_file.h"
#include "word_list.h"

namespace lehr::plugins::filter {
namespace {

bool is_alphanumeric(char c) {
  return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

std::uint64_t hash_of(std::string_view text) { return XXH3_64bits(text.data(), text.size()); }

bool holds(const std::vector<std::uint64_t>& sorted, std::string_view text) {
  return !text.empty() && std::binary_search(sorted.begin(), sorted.end(), hash_of(text));
}

std::vector<std::string> read_list(const std::optional<std::string>& path) {
  if (!path) return {};
  std::vector<std::string> lines = read_word_list(*path);
  std::erase_if(lines, [](const std::string& line) { return line[0] == '#'; });
  return lines;
}

std::vector<std::uint64_t> read_hashes(const std::optional<std::string>& path) {
  std::vector<std::uint64_t> hashes;
  for (const std::string& line : read_list(path)) hashes.push_back(hash_of(line));
  std::sort(hashes.begin(), hashes.end());
  return hashes;
}

// Letters and digits alone, in lower case; each word once.
std::vector<std::string> read_words(const std::optional<std::string>& path) {
  std::vector<std::string> words;
  for (const std::string& line : read_list(path)) {
    std::string word;
    for (const char c : line)
      if (is_alphanumeric(c)) word += static_cast<char>(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
    if (!word.empty()) words.push_back(word);
  }
  std::sort(words.begin(), words.end());
  words.erase(std::unique(words.begin(), words.end()), words.end());
  return words;
}

}  // namespace

void Url::describe(Description& d) {
  d.summary("drops documents by where they come from");
  d.text("field", field_).help("the document's field with its address");
  d.choice("without_url", without_url_, {"keep", "drop"})
      .help("documents without one; drop: no_url");
  d.input_path("domains", domains_)
      .help("registered domains: domain, or whole host names: subdomain");
  d.input_path("urls", urls_).help("whole addresses: url");
  d.input_path("banned_words", banned_words_).help("words of the address: hard_blacklisted");
  d.input_path("soft_banned_words", soft_banned_words_)
      .help("words of which soft_word_threshold must be in the address: soft_blacklisted");
  d.integer("soft_word_threshold", soft_word_threshold_).at_least(1);
  d.input_path("banned_subwords", banned_subwords_)
      .help(
          "letters that stand somewhere in the address, whatever separates them: "
          "blacklisted_subword");
}

void Url::check() {
  if (without_url_ == "keep" && !domains_ && !urls_ && !banned_words_ && !soft_banned_words_ &&
      !banned_subwords_)
    throw Error(
        "nothing is dropped: name a list (domains, urls, banned_words, soft_banned_words, "
        "banned_subwords), or set without_url to 'drop'");
  std::string key = "url";
  for (const auto& path : {domains_, urls_, banned_words_, soft_banned_words_, banned_subwords_})
    key += '\n' + path.value_or("");
  lists_ = shared_file<UrlLists>(key, [&] { return read_lists(); });
}

UrlLists Url::read_lists() const {
  return {read_hashes(domains_), read_hashes(urls_), read_words(banned_words_),
          read_words(soft_banned_words_), read_words(banned_subwords_)};
}

void Url::process(Document& document) {
  const auto url = fields_.text(document.fields(), field_);
  if (!url || url->empty()) {
    if (without_url_ == "drop") document.drop("no_url");
    return;
  }
  const std::string_view reason = first_list(*url);
  if (!reason.empty()) document.drop(reason);
}

std::string_view Url::first_list(std::string_view url) {
  const std::string host = host_of(url);
  const std::string_view registered = registered_domain(host);
  if (holds(lists_->domains, registered)) return "domain";
  if (!registered.empty() && holds(lists_->domains, host)) return "subdomain";
  if (holds(lists_->urls, url)) return "url";

  words_.clear();
  run_together_.clear();
  for (std::size_t begin = 0; begin < url.size();) {
    std::size_t end = begin;
    for (; end < url.size() && is_alphanumeric(url[end]); ++end)
      run_together_ +=
          static_cast<char>(url[end] >= 'A' && url[end] <= 'Z' ? url[end] | 0x20 : url[end]);
    if (end > begin) words_.push_back(url.substr(begin, end - begin));
    begin = end + (end == begin);
  }
  const auto is_in_url = [&](const std::string& word) { return is_word_of_url(word); };
  if (std::any_of(lists_->banned_words.begin(), lists_->banned_words.end(), is_in_url))
    return "hard_blacklisted";
  if (std::count_if(lists_->soft_banned_words.begin(), lists_->soft_banned_words.end(),
                    is_in_url) >= soft_word_threshold_)
    return "soft_blacklisted";
  for (const std::string& part : lists_->banned_subwords)
    if (run_together_.find(part) != run_together_.npos) return "blacklisted_subword";
  return "";
}

bool Url::is_word_of_url(std::string_view word) const {
  return std::find(words_.begin(), words_.end(), word) != words_.end();
}

}  // namespace lehr::plugins::filter
