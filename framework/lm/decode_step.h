// What decoding does again and again: the model over one token of each of many sequences, and the
// choice of the next ones.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <vector>

#include "lm/gpu_driver.h"
#include "lm/kv_cache.h"
#include "lm/model.h"
#include "lm/sampler.h"

namespace lehr::lm {

// x: embeddings of the fed tokens [B, C]; angles: their rope table [B, D]. Writes keys and values
// into the cache -> hidden [B, C], what the head takes.
at::Tensor next_hidden(const Model& model, KvCache& cache, at::Tensor x, const at::Tensor& angles,
                       const KvCache::Placement& placement, const KvCache::View& view);

// Of each of the first rows of logits [B, V] float32, on any device: as many as there are uniforms.
std::vector<Choice> choose_rows(const at::Tensor& logits, const SamplingOptions& options,
                                std::span<const double> uniforms);

// One token further in each of the first slots of a cache, through ATen, on tensors that stay where
// they are: a GPU is told the whole step once, as a CUDA graph, and from then on only "again". As
// long as one lives, all that is asked of the GPU is asked under one OnOwnStream, and no tensor
// made between two runs may be needed after the second: the graph's own may lie in its place.
class RepeatedStep {
 public:
  RepeatedStep(const Model& model, KvCache& cache, int64_t slots, const SamplingOptions& sampling);

  struct Row {
    int32_t id = 0, position = 0;  // of the token to be fed
    double uniform = 0;
  };
  // A row for each slot; of one that holds no sequence, which is then written to, Row{}.
  std::vector<Choice> run(std::span<const Row> rows);

 private:
  void step();

  const Model& model_;
  KvCache& cache_;
  SamplingOptions sampling_;
  at::Tensor frequencies_;                       // of rope
  at::Tensor fed_, ids_, positions_, uniforms_;  // the rows; fed_ holds all three
  at::Tensor from_, first_rows_;                 // int64: rows, where slots begin
  KvCache::View view_;
  at::Tensor logits_, tokens_, logprobs_;  // what a step makes: logits, or choices
  gpu::Graph graph_;
  int64_t runs_ = 0, retries_ = 0;
};

}  // namespace lehr::lm
