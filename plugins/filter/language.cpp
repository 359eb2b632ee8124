#include "language.h"

#include <fasttext/fasttext.h>
#include <xxhash.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <streambuf>

#include "fasttext_file.h"
#include "shared_file.h"

namespace lehr::plugins::filter {
namespace {

constexpr std::string_view kLabel = "__label__";

// A stream over bytes that stay where they are.
class ByteBuffer : public std::streambuf {
 public:
  explicit ByteBuffer(std::string& bytes) {
    setg(bytes.data(), bytes.data(), bytes.data() + bytes.size());
  }

 protected:
  // fastText asks where it is.
  pos_type seekoff(off_type offset, std::ios_base::seekdir from, std::ios_base::openmode) override {
    if (from != std::ios_base::cur || offset != 0) return pos_type(off_type(-1));
    return pos_type(gptr() - eback());
  }
};

// Its check of a file's beginning, which remembers the version, is for heirs only.
class Classifier : public fasttext::FastText {
 public:
  void load(std::istream& in) {
    checkModel(in);
    loadModel(in);
  }
};

// Its name without fastText's prefix, and without what may follow it.
std::string_view name_of(std::string_view label) {
  if (label.starts_with(kLabel)) label.remove_prefix(kLabel.size());
  return label.substr(0, label.find("__"));
}

std::uint64_t hash_of(std::ifstream& in) {
  const std::unique_ptr<XXH3_state_t, decltype(&XXH3_freeState)> state(XXH3_createState(),
                                                                       XXH3_freeState);
  XXH3_64bits_reset(state.get());
  std::string part(1 << 20, '\0');
  while (in.read(part.data(), static_cast<std::streamsize>(part.size())) || in.gcount() > 0)
    XXH3_64bits_update(state.get(), part.data(), static_cast<std::size_t>(in.gcount()));
  in.clear();
  in.seekg(0);
  return XXH3_64bits_digest(state.get());
}

}  // namespace

struct Language::Model {
  std::uint64_t hash = 0;  // of the file
  std::unique_ptr<fasttext::FastText> classifier;

  // Throws where a language is none of its labels: no document could ever have it.
  void check_languages(const std::vector<std::string>& languages, const std::string& path) const {
    constexpr int kShown = 30;
    const auto dictionary = classifier->getDictionary();
    std::vector<std::string> known;
    for (int i = 0; i < dictionary->nlabels(); ++i)
      known.emplace_back(name_of(dictionary->getLabel(i)));
    for (const std::string& language : languages) {
      if (std::find(known.begin(), known.end(), language) != known.end()) continue;
      std::string shown;
      for (int i = 0; i < dictionary->nlabels() && i < kShown; ++i)
        shown += (i == 0 ? "" : ", ") + known[static_cast<std::size_t>(i)];
      if (dictionary->nlabels() > kShown)
        shown += " and " + std::to_string(dictionary->nlabels() - kShown) + " more";
      throw Error("languages: " + path + " has no label '" + language + "'. It has " + shown);
    }
  }

  static Model load(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    if (!in) throw Error(path + ": cannot be opened");
    Model model{hash_of(in), nullptr};
    auto classifier = std::make_unique<Classifier>();
    try {
      check_fasttext_file(in, std::filesystem::file_size(path));
      in.seekg(0);
      in.exceptions(std::ios::eofbit | std::ios::failbit | std::ios::badbit);
      classifier->load(in);
    } catch (const std::exception& e) {
      throw Error(path + ": is no fastText classifier that can be used: " + e.what());
    }
    model.classifier = std::move(classifier);
    return model;
  }
};

Language::Language() : MeasuredStep(kName) {}
Language::~Language() = default;

void Language::describe(Description& d) {
  d.summary("keeps documents in some languages, as a fastText model tells them");
  d.input_path("model", model_path_).required().help("a supervised fastText model, .bin or .ftz");
  d.list("languages", languages_, "string")
      .help("its labels without __label__; empty: any language that is told with certainty");
  d.real("min_score", min_score_)
      .range(0, 1)
      .help("one of the languages must score more, or the document is dropped: language");
}

void Language::check() {
  if (model_path_.empty()) throw Error("model is empty: name a fastText model");
  model_ = shared_file<Model>(model_path_, [&] { return Model::load(model_path_); });
  model_->check_languages(languages_, model_path_);
}

std::string Language::measured_by() {
  std::string all = std::to_string(model_->hash);
  for (const std::string& language : languages_) (all += '\0') += language;
  return all;
}

double Language::score_of(std::string_view text) {
  line_ = text;
  std::replace(line_.begin(), line_.end(), '\n', ' ');
  line_ += '\n';
  ByteBuffer buffer(line_);
  std::istream in(&buffer);
  std::vector<std::pair<fasttext::real, std::string>> predictions;
  model_->classifier->predictLine(in, predictions, -1, 0);
  double highest = std::nan("");
  for (const auto& [score, label] : predictions) {
    const bool asked = languages_.empty() || std::find(languages_.begin(), languages_.end(),
                                                       name_of(label)) != languages_.end();
    if (asked && !(static_cast<double>(score) <= highest)) highest = static_cast<double>(score);
  }
  return highest;
}

void Language::judge(std::string_view text, Judgement& j) {
  j.rule(
      "language", "score", true, [&] { return score_of(text); },
      [&](double score) { return !(score > min_score_); });
}

}  // namespace lehr::plugins::filter
