// The stage `filter`: documents through a list of steps in one fused parallel pass,
//
//   read (serial) -> parse, steps, hash (parallel) -> exact_dedup, line_dedup (serial) -> steps ...
//   serialise, compress (parallel) -> write (serial)
//
// in blocks of about 8 MiB, of which threads + 2 are under way. The output does not depend on the
// number of threads. Evaluation files go first, then training files; each input file becomes one
// output file. Zstd frames of which nothing changes are copied as they are.
#pragma once

#include <lehr/plugin.h>

#include <cstdint>
#include <string>
#include <vector>

namespace lehr::plugins::filter {

class Filter : public Stage {
 public:
  void describe(Description& d) override;
  void check() override;
  void run(Context& context) override;

 private:
  std::vector<std::string> steps_;
  bool score_ = false;
  std::int64_t commit_every_ = 256 << 20;
};

}  // namespace lehr::plugins::filter
