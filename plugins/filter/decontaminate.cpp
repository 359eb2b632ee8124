#include "decontaminate.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "shared_file.h"
#include "text/matching_files.h"
#include "text_tables.h"
#include "word_list.h"

namespace lehr::plugins::filter {
namespace {

constexpr std::uint64_t kFactor = 0xc2b2ae3d27d4eb4f;

// Calls found(hash) for each run of n words until it says that it is enough.
template <class Found>
bool any_run(const std::vector<std::uint64_t>& words, std::size_t n, Found found) {
  std::uint64_t hash = 0, leaving = 1;
  for (std::size_t i = 0; i + 1 < n; ++i) leaving *= kFactor;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i >= n) hash -= words[i - n] * leaving;
    hash = hash * kFactor + words[i];
    if (i + 1 >= n && found(mix_hash(hash))) return true;
  }
  return false;
}

}  // namespace

void Decontaminate::describe(Description& d) {
  d.summary("drops documents that share a run of words with an evaluation set");
  d.list("sets", sets_, "input_path")
      .required()
      .help("files of rows: JSON objects, or lines of text, which are answers");
  d.count("words", words_).range(1, 1000).help("length of a run; a shared one: contaminated");
  d.text("answer_field", answer_field_).help("of a row: its answer, or all of its text");
  d.text("query_field", query_field_).help("of a row: its question, if it has one");
  d.boolean("query_runs", query_runs_).help("look for runs of the question alone too");
  d.boolean("overlapping_runs", overlapping_runs_)
      .help("look for runs that begin in the question and end in the answer");
}

void Decontaminate::check() {
  if (sets_.empty()) throw Error("sets is empty: name the files of the evaluation sets");
  std::string key = "decontaminate " + std::to_string(words_) + " " + answer_field_ + " " +
                    query_field_ + (query_runs_ ? " q" : "") + (overlapping_runs_ ? " o" : "");
  for (const std::string& path : sets_) key += '\n' + path;
  known_ = shared_file<SeenHashes>(key, [&] { return read_sets(); });
}

void Decontaminate::hash_words(std::string_view text, std::vector<std::uint64_t>& words) {
  words.clear();
  const std::string_view simple = simplifier_.simplify(text);
  for (std::size_t begin = 0; begin < simple.size();) {
    const std::size_t end = std::min(simple.find(' ', begin), simple.size());
    if (end > begin) words.push_back(hash_bytes(simple.substr(begin, end - begin)));
    begin = end + 1;
  }
}

void Decontaminate::add_row(std::string_view query, std::string_view answer,
                            std::vector<std::uint64_t>& runs) {
  const auto n = static_cast<std::size_t>(words_);
  const auto add = [&](std::uint64_t hash) {
    runs.push_back(hash);
    return false;
  };
  hash_words(answer, answer_words_);
  any_run(answer_words_, n, add);
  hash_words(query, query_words_);
  if (query_runs_) any_run(query_words_, n, add);
  if (!overlapping_runs_) return;
  // The last n - 1 words of the one and the first n - 1 of the other: no run fits into either.
  const std::size_t before = std::min(query_words_.size(), n - 1);
  query_words_.erase(query_words_.begin(),
                     query_words_.end() - static_cast<std::ptrdiff_t>(before));
  answer_words_.resize(std::min(answer_words_.size(), n - 1));
  query_words_.insert(query_words_.end(), answer_words_.begin(), answer_words_.end());
  any_run(query_words_, n, add);
}

void Decontaminate::read_row(std::string_view line, const std::string& place,
                             std::vector<std::uint64_t>& runs) {
  if (line[0] != '{') return add_row("", line, runs);
  const auto row = nlohmann::json::parse(line, nullptr, false);
  if (!row.is_object()) throw Error(place + ": malformed JSON");
  const auto field = [&](const std::string& name) {
    const auto found = row.find(name);
    return found != row.end() && found->is_string() ? found->get<std::string>() : "";
  };
  const std::string query = field(query_field_), answer = field(answer_field_);
  if (answer.empty() && query.empty())
    throw Error(place + ": has neither a text '" + answer_field_ + "' nor a text '" + query_field_ +
                "'. Name the fields with answer_field and query_field");
  add_row(query, answer, runs);
}

SeenHashes Decontaminate::read_sets() {
  std::vector<std::uint64_t> runs;
  for (const std::string& path : sets_)
    for (const auto& file : text::matching_files(path)) {
      const std::size_t before = runs.size();
      for_each_line(file.string(), [&](std::string_view line, std::uint64_t number) {
        read_row(line, file.string() + ":" + std::to_string(number), runs);
      });
      if (runs.size() == before)
        throw Error(file.string() + ": no row of this set is looked for, as none has a run of " +
                    std::to_string(words_) + " words. Lower 'words'" +
                    (query_runs_ ? "" : ", or set query_runs to look for questions too"));
    }
  std::sort(runs.begin(), runs.end());
  runs.erase(std::unique(runs.begin(), runs.end()), runs.end());
  SeenHashes known;
  known.clear(runs.size());
  for (const std::uint64_t run : runs) known.add(run);
  return known;
}

void Decontaminate::process(Document& document) {
  hash_words(document.text(), text_words_);
  if (any_run(text_words_, static_cast<std::size_t>(words_),
              [&](std::uint64_t hash) { return known_->contains(hash); }))
    document.drop("contaminated");
}

}  // namespace lehr::plugins::filter
