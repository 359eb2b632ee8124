#include "language.h"

#include <fasttext/fasttext.h>

#include <algorithm>
#include <fstream>
#include <streambuf>

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

// Its check of a file's beginning is for heirs only.
class Model : public fasttext::FastText {
 public:
  void load(std::istream& in) {
    if (!checkModel(in)) throw Error("it does not begin as one");
    loadModel(in);
    if (getArgs().model != fasttext::model_name::sup) throw Error("it has no labels");
  }
};

std::unique_ptr<fasttext::FastText> load_model(const std::string& path) {
  auto model = std::make_unique<Model>();
  std::ifstream in(path, std::ios::binary);
  if (!in) throw Error(path + ": cannot be opened");
  // A file that ends too early is an error at once, not sizes out of nowhere.
  in.exceptions(std::ios::eofbit | std::ios::failbit | std::ios::badbit);
  try {
    model->load(in);
  } catch (const std::exception& e) {
    throw Error(path + ": is no fastText classifier that can be used: " + e.what());
  }
  return model;
}

// Its name without fastText's prefix, and without what may follow it.
std::string_view name_of(std::string_view label) {
  if (label.starts_with(kLabel)) label.remove_prefix(kLabel.size());
  return label.substr(0, label.find("__"));
}

}  // namespace

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
}

void Language::process(Document& document) {
  if (!model_)
    model_ = shared_file<std::unique_ptr<fasttext::FastText>>(
        model_path_, [&] { return load_model(model_path_); });
  line_ = document.text();
  std::replace(line_.begin(), line_.end(), '\n', ' ');
  line_ += '\n';
  ByteBuffer buffer(line_);
  std::istream in(&buffer);
  std::vector<std::pair<fasttext::real, std::string>> predictions;
  (*model_)->predictLine(in, predictions, -1, 0);
  if (!is_wanted(predictions)) document.drop("language");
}

bool Language::is_wanted(const std::vector<std::pair<float, std::string>>& predictions) const {
  return std::any_of(predictions.begin(), predictions.end(), [&](const auto& prediction) {
    const auto& [score, label] = prediction;
    const bool asked = languages_.empty() || std::find(languages_.begin(), languages_.end(),
                                                       name_of(label)) != languages_.end();
    return asked && static_cast<double>(score) > min_score_;
  });
}

}  // namespace lehr::plugins::filter
