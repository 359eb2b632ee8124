// Keeps documents in some languages, as a fastText model tells them (a supervised .bin or .ftz,
// such as lid.176): with the meaning of datatrove's language filter. Any classifier of that form
// will do; its labels are the "languages".
#pragma once

#include <lehr/plugin.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace fasttext {
class FastText;
}

namespace lehr::plugins::filter {

class Language : public DocumentStep {
 public:
  void describe(Description& d) override;
  void check() override;
  void process(Document& document) override;

 private:
  bool is_wanted(const std::vector<std::pair<float, std::string>>& predictions) const;

  std::string model_path_;
  std::vector<std::string> languages_;
  double min_score_ = 0.65;
  std::shared_ptr<const std::unique_ptr<fasttext::FastText>> model_;
  std::string line_;
};

}  // namespace lehr::plugins::filter
