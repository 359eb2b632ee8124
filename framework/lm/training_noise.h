// What training passes draw at random, and no other pass does: NEFTune's noise on the embeddings
// (Jain et al. 2023, as TRL has it), and dropout before adapters (as PEFT has it). Every number is
// a pure function of the seed, the update, the pass in it and its place in the pass: threads do not
// matter, a batch that is run twice sees the same, and a run that was killed goes on with the same.
// N tokens, C channels, L a segment's length.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "lm/batch.h"
#include "lm/random.h"

namespace lehr::lm {

struct TrainingNoise {
  double neftune_alpha = 0;  // 0: none
  double dropout = 0;        // probability; 0: none
  uint64_t seed = 0;
  uint64_t update = 0;  // of the optimizer: how many it has made
  uint64_t pass = 0;    // of the update, as its rows go one after the other

  // x [N, C] += uniform in +-alpha / sqrt(L C), for every segment by its own length.
  void add_to_embeddings(at::Tensor& x, const std::vector<Segment>& segments) const;

  // Inverted dropout: x, or of each element 0 with the probability and else 1 / (1 - dropout) times
  // as much. place: of this dropout among those of the pass, below 2^22; a place drops the same
  // again in the backward pass. x: of up to 2^42 elements, dense.
  at::Tensor drop(const at::Tensor& x, uint64_t place) const;

 private:
  Random numbers(Purpose purpose) const;
};

}  // namespace lehr::lm
