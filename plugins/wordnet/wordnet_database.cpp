#include "wordnet_database.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <stdexcept>

namespace lehr::plugins::wordnet {
namespace {

constexpr const char* kFileEndings[kPartsOfSpeech] = {"noun", "verb", "adj", "adv"};
constexpr std::size_t kMostFileBytes = std::size_t{1} << 28;  // ten times the largest real file

[[noreturn]] void fail(const std::filesystem::path& file, std::size_t line,
                       const std::string& what) {
  throw std::runtime_error(file.string() + ":" + std::to_string(line) + ": " + what +
                           "; this is not a WordNet 3.0 database file");
}

std::string read_file(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) {
    throw std::runtime_error("cannot read '" + file.string() +
                             "', a file of the WordNet database; install it with: apt install "
                             "wordnet-base (or set the parameter 'path' to its folder)");
  }
  in.seekg(0, std::ios::end);
  const auto size = static_cast<std::streamoff>(in.tellg());
  if (size < 0 || static_cast<std::size_t>(size) > kMostFileBytes) {
    throw std::runtime_error("'" + file.string() + "' is too large to be a WordNet database file");
  }
  std::string text(static_cast<std::size_t>(size), '\0');
  in.seekg(0);
  if (!in.read(text.data(), size)) {
    throw std::runtime_error("cannot read all of '" + file.string() + "'");
  }
  return text;
}

// Walks over the space-separated fields of one line.
class Fields {
 public:
  Fields(std::string_view line, const std::filesystem::path& file, std::size_t number)
      : rest_(line), file_(file), number_(number) {}

  std::string_view next(const char* what) {
    const auto begin = rest_.find_first_not_of(' ');
    if (begin == std::string_view::npos) {
      fail(file_, number_, std::string("the line ends where its ") + what + " should be");
    }
    const auto end = std::min(rest_.find(' ', begin), rest_.size());
    const auto field = rest_.substr(begin, end - begin);
    rest_.remove_prefix(end);
    return field;
  }

  std::uint32_t number(const char* what, int base = 10) {
    const auto field = next(what);
    std::uint32_t value = 0;
    const auto [end, error] =
        std::from_chars(field.data(), field.data() + field.size(), value, base);
    if (error != std::errc() || end != field.data() + field.size()) {
      fail(file_, number_,
           std::string(what) + " should be a number, not '" + std::string(field) + "'");
    }
    return value;
  }

  [[noreturn]] void reject(const std::string& what) const { fail(file_, number_, what); }

 private:
  std::string_view rest_;
  const std::filesystem::path& file_;
  std::size_t number_;
};

PartOfSpeech part_of_speech(std::string_view letter, const Fields& fields) {
  if (letter == "n") return PartOfSpeech::noun;
  if (letter == "v") return PartOfSpeech::verb;
  if (letter == "a" || letter == "s") return PartOfSpeech::adjective;
  if (letter == "r") return PartOfSpeech::adverb;
  fields.reject("unknown part of speech '" + std::string(letter) + "'");
}

std::string shown_word(std::string_view field) {
  if (field.ends_with(')')) field = field.substr(0, field.rfind('('));  // "(a)": position marker
  std::string word(field);
  std::ranges::replace(word, '_', ' ');
  return word;
}

std::string lemma_key(std::string_view lemma) {
  std::string key(lemma);
  for (char& c : key) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (c == ' ') c = '_';
  }
  return key;
}

// Calls `take(line, offset, number)` for every line but those of the licence text, which start with
// a space.
template <typename Take>
void each_line(std::string_view text, Take take) {
  std::size_t number = 0;
  for (std::size_t begin = 0; begin < text.size();) {
    const auto end = std::min(text.find('\n', begin), text.size());
    ++number;
    if (end > begin && text[begin] != ' ') take(text.substr(begin, end - begin), begin, number);
    begin = end + 1;
  }
}

using Offsets = std::unordered_map<std::uint32_t, SynsetIndex>;

SynsetIndex resolve(const Offsets& offsets, std::uint32_t offset, const Fields& fields) {
  const auto found = offsets.find(offset);
  if (found == offsets.end()) {
    fields.reject("no synset starts at byte " + std::to_string(offset));
  }
  return found->second;
}

}  // namespace

WordNetDatabase WordNetDatabase::read(const std::filesystem::path& folder) {
  if (!std::filesystem::is_directory(folder)) {
    throw std::runtime_error("there is no WordNet database at '" + folder.string() +
                             "'; install it with: apt install wordnet-base (or set the parameter "
                             "'path' to its folder)");
  }
  WordNetDatabase database;
  std::filesystem::path files[kPartsOfSpeech];
  std::string texts[kPartsOfSpeech];
  Offsets offsets[kPartsOfSpeech];
  SynsetIndex count = 0;
  for (int part = 0; part < kPartsOfSpeech;
       ++part) {  // number the synsets, so that pointers resolve
    files[part] = folder / (std::string("data.") + kFileEndings[part]);
    texts[part] = read_file(files[part]);
    each_line(texts[part], [&](std::string_view, std::size_t offset, std::size_t) {
      offsets[part].emplace(static_cast<std::uint32_t>(offset), count++);
    });
  }
  database.synsets_.reserve(count);

  for (int part = 0; part < kPartsOfSpeech; ++part) {
    each_line(texts[part], [&](std::string_view line, std::size_t offset, std::size_t number) {
      const auto bar = line.find(" | ");
      if (bar == std::string_view::npos) fail(files[part], number, "the line has no gloss");
      Fields fields(line.substr(0, bar), files[part], number);
      if (fields.number("offset") != offset) {
        fields.reject("the line's offset is not its place in the file, byte " +
                      std::to_string(offset));
      }
      Synset synset;
      const auto lexicographer_file = fields.number("lexicographer file");
      if (lexicographer_file > 44) fields.reject("there is no such lexicographer file");
      synset.lexicographer_file = static_cast<std::uint8_t>(lexicographer_file);
      synset.part_of_speech = part_of_speech(fields.next("part of speech"), fields);
      const auto words = fields.number("word count", 16);
      if (words == 0 || words > 255) fields.reject("a synset has 1 to 255 words");
      for (std::uint32_t i = 0; i < words; ++i) {
        synset.words.push_back(shown_word(fields.next("word")));
        fields.next("lexical id");
      }
      const auto pointers = fields.number("pointer count");
      if (pointers > 999) fields.reject("a synset has at most 999 pointers");
      for (std::uint32_t i = 0; i < pointers; ++i) {
        Pointer pointer;
        pointer.symbol = fields.next("pointer symbol");
        const auto target = fields.number("pointer target");
        const auto target_part = part_of_speech(fields.next("pointer part of speech"), fields);
        pointer.target = resolve(offsets[static_cast<int>(target_part)], target, fields);
        const auto numbers = fields.number("pointer word numbers", 16);
        if (numbers > 0xffff) fields.reject("pointer word numbers are four hexadecimal digits");
        pointer.source_word = static_cast<std::uint8_t>(numbers >> 8);
        pointer.target_word = static_cast<std::uint8_t>(numbers & 0xff);
        if (pointer.source_word > words)
          fields.reject("a pointer starts at a word that is not there");
        synset.pointers.push_back(std::move(pointer));
      }
      synset.gloss = line.substr(bar + 3);
      while (synset.gloss.ends_with(' ')) synset.gloss.pop_back();
      database.synsets_.push_back(std::move(synset));
    });
  }
  for (std::size_t index = 0; index < database.synsets_.size(); ++index) {
    for (const Pointer& pointer : database.synsets_[index].pointers) {
      if (pointer.target_word > database.synsets_[pointer.target].words.size()) {
        throw std::runtime_error("'" + folder.string() + "': a pointer of '" +
                                 database.synsets_[index].words[0] +
                                 "' ends at a word that is not there; this is not WordNet 3.0");
      }
    }
  }

  for (int part = 0; part < kPartsOfSpeech; ++part) {
    const auto file = folder / (std::string("index.") + kFileEndings[part]);
    const auto text = read_file(file);
    each_line(text, [&](std::string_view line, std::size_t, std::size_t number) {
      Fields fields(line, file, number);
      std::string lemma(fields.next("lemma"));
      fields.next("part of speech");
      const auto senses = fields.number("sense count");
      const auto symbols = fields.number("pointer symbol count");
      if (senses == 0 || senses > 999 || symbols > 99) fields.reject("impossible counts");
      for (std::uint32_t i = 0; i < symbols; ++i) fields.next("pointer symbol");
      fields.next("sense count");
      fields.next("tagged sense count");
      std::vector<SynsetIndex> synsets;
      for (std::uint32_t i = 0; i < senses; ++i) {
        synsets.push_back(resolve(offsets[part], fields.number("synset offset"), fields));
      }
      database.lemmas_[part].emplace(std::move(lemma), std::move(synsets));
    });
  }
  return database;
}

std::span<const SynsetIndex> WordNetDatabase::senses(std::string_view lemma,
                                                     PartOfSpeech part_of_speech) const {
  const auto& lemmas = lemmas_[static_cast<int>(part_of_speech)];
  const auto found = lemmas.find(lemma_key(lemma));
  if (found == lemmas.end()) return {};
  return found->second;
}

bool WordNetDatabase::knows(std::string_view lemma) const {
  const std::string key = lemma_key(lemma);
  return std::ranges::any_of(lemmas_, [&](const auto& lemmas) { return lemmas.contains(key); });
}

std::vector<SynsetIndex> WordNetDatabase::related(SynsetIndex index,
                                                  std::string_view symbol) const {
  std::vector<SynsetIndex> targets;
  for (const Pointer& pointer : synsets_[index].pointers) {
    if (pointer.symbol == symbol) targets.push_back(pointer.target);
  }
  return targets;
}

}  // namespace lehr::plugins::wordnet
