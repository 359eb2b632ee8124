// The stage `minhash`: near-duplicate documents, all but one of each cluster dropped. Three passes:
//
//   sign     documents -> band keys, in parallel; sorted runs of them to disk under a budget
//   cluster  runs merged; documents with a key in common united
//   write    the kept rows, copied as they stand
//
// Documents are numbered in the order of the pass, evaluation files first; the smallest of a
// cluster stays. So a training document that nearly duplicates one of evaluation leaves training,
// and the result depends neither on threads nor on memory.
#pragma once

#include <lehr/plugin.h>

#include <cstdint>
#include <string>

#include "signature.h"

namespace lehr::plugins::minhash {

class Minhash : public Stage {
 public:
  void describe(Description& d) override;
  void check() override;
  void run(Context& context) override;

 private:
  SignatureOptions signature_options() const;

  std::int64_t bands_ = 14, rows_ = 8, shingle_size_ = 5;
  std::string shingle_unit_ = "words", hash_ = "fast", word_splitter_ = "uax29";
  std::int64_t memory_ = 1 << 30, commit_every_ = std::int64_t{1} << 30;
};

}  // namespace lehr::plugins::minhash
