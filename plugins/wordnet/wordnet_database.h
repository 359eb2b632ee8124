// Reader of the WordNet 3.0 database files (format: wndb(5WN)): data.{noun,verb,adj,adv} hold one
// synset a line, named by its byte offset; index.{noun,verb,adj,adv} list each lemma's synsets,
// most frequent sense first. Everything is read into memory once (117,659 synsets, about 60 MB) and
// is immutable afterwards. Left out: verb frames, exception lists, sense counts.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace lehr::plugins::wordnet {

enum class PartOfSpeech : std::uint8_t { noun, verb, adjective, adverb };
inline constexpr int kPartsOfSpeech = 4;

using SynsetIndex = std::uint32_t;

// One relation of a synset. Word numbers count from 1; 0 means the relation holds between the whole
// synsets.
struct Pointer {
  std::string symbol;  // "@" hypernym, "@i" instance of, "#p" part of, "!" antonym, ...
  SynsetIndex target;
  std::uint8_t source_word, target_word;
};

struct Synset {
  PartOfSpeech part_of_speech;
  std::uint8_t lexicographer_file;  // lexnames(5WN): 5 animals, 6 artifacts, 15 locations, ...
  std::vector<std::string> words;   // as shown to people: spaces for underscores, no "(a)" markers
  std::vector<Pointer> pointers;
  std::string gloss;
};

class WordNetDatabase {
 public:
  // Reads the eight files of `folder`. Throws std::runtime_error: a missing folder or file names
  // the Debian package that holds it; a malformed line is named by file and line.
  static WordNetDatabase read(const std::filesystem::path& folder);

  std::size_t size() const { return synsets_.size(); }
  const Synset& operator[](SynsetIndex index) const { return synsets_[index]; }

  // The synsets of a lemma (any case, spaces or underscores), most frequent sense first; empty if
  // unknown.
  std::span<const SynsetIndex> senses(std::string_view lemma, PartOfSpeech part_of_speech) const;
  bool knows(std::string_view lemma) const;

  // Targets of the pointers named `symbol`, in file order.
  std::vector<SynsetIndex> related(SynsetIndex index, std::string_view symbol) const;

 private:
  std::vector<Synset> synsets_;
  std::unordered_map<std::string, std::vector<SynsetIndex>> lemmas_[kPartsOfSpeech];
};

}  // namespace lehr::plugins::wordnet
