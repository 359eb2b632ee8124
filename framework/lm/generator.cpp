#include "lm/generator.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/index_select.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "lm/decode_step.h"
#include "lm/device.h"
#include "lm/kv_cache.h"
#include "lm/operators.h"
#include "lm/random.h"
#include "lm/tensor_kernels.h"
#include "lm/token_pass.h"

namespace lehr::lm {
namespace {

constexpr int64_t kRowsStep = 8;  // larger decoding batches are rounded up to it: few shapes, each
                                  // of which costs oneDNN a compilation

struct Running {
  size_t request;
  int64_t cached = 0;  // rows in the cache; the token to be fed is not among them
};

struct Lexicographic {
  bool operator()(std::span<const int32_t> a, std::span<const int32_t> b) const {
    return std::ranges::lexicographical_compare(a, b);
  }
};

at::Tensor take_rows(const at::Tensor& x, const std::vector<int32_t>& rows) {
  return at::index_select(x, 0, indices(rows, x.device()));
}

// How much of the prompt the cache knows; its last token is run, to be gone on from.
int64_t known_beginning(const KeptPrefix& kept, std::span<const int32_t> prompt) {
  const auto differ = std::ranges::mismatch(kept.ids, prompt).in2 - prompt.begin();
  return std::min<int64_t>(differ, static_cast<int64_t>(prompt.size()) - 1);
}

class Decoding {
 public:
  Decoding(const Model& model, std::span<const GenerationRequest> requests,
           const GenerationOptions& options, const GenerationCallbacks& callbacks, KeptPrefix* kept)
      : model_(model),
        requests_(requests),
        options_(options),
        callbacks_(callbacks),
        slots_(std::min<int64_t>(options.batch, static_cast<int64_t>(requests.size()))),
        kept_(kept),
        cache_(make_cache(rows_needed(model, requests, options))),
        running_(static_cast<size_t>(slots_)),
        results_(requests.size()) {
    if (through_aten(model.embedding())) repeated_.emplace(model, cache_, slots_, options.sampling);
    if (TokenPass::takes(model)) few_.emplace(model, cache_);
  }

  std::vector<Generation> run() {
    while (true) {
      if (may_admit()) admit();
      if (active_ == 0) break;
      decode();
    }
    if (kept_ != nullptr) keep();
    return std::move(results_);
  }

 private:
  static int64_t rows_needed(const Model& model, std::span<const GenerationRequest> requests,
                             const GenerationOptions& options) {
    const int64_t context = model.config().max_position_embeddings;
    int64_t longest = 0;
    for (size_t i = 0; i < requests.size(); ++i) {
      const auto size = static_cast<int64_t>(requests[i].prompt.size());
      if (size == 0 || size >= context)
        throw std::invalid_argument("prompt " + std::to_string(i) + " has " + std::to_string(size) +
                                    " tokens; it must have between 1 and " +
                                    std::to_string(context - 1));
      longest = std::max(longest, size);
    }
    return std::min(context, longest + options.max_new_tokens);
  }

  // The one that was kept, if it is large enough. A larger one than needed spares the next prompts
  // another; what the smaller one held is made again, each time for twice as many rows.
  KvCache make_cache(int64_t rows) {
    if (kept_ != nullptr) {
      kept_->reused = 0;
      std::optional<KvCache> cache = std::exchange(kept_->cache, {});
      if (cache && cache->rows() >= rows) {
        kept_->reused = known_beginning(*kept_, requests_[0].prompt);
        return std::move(*cache);
      }
      rows = std::min(model_.config().max_position_embeddings, 2 * rows);
    }
    return {model_.config(), model_.precision(), slots_ + 1, rows};
  }

  void keep() {
    kept_->ids = requests_[0].prompt;
    const std::vector<int32_t>& answer = results_[0].tokens;
    kept_->ids.insert(kept_->ids.end(), answer.begin(), answer.end() - 1);  // the last was not run
    kept_->cache = std::move(cache_);
  }

  // Taking prompts in one by one would make many small products: wait until a quarter of the slots
  // is free.
  bool may_admit() const {
    if (waiting_ == requests_.size()) return false;
    return active_ == 0 || (slots_ - active_) * 4 >= slots_;
  }

  // Runs the prompts that fit through the model at once, each different one once, fills the cache,
  // draws their first tokens.
  void admit() {
    if (kept_ != nullptr && kept_->reused > 0) return go_on(kept_->reused);
    PackedBatch batch;
    // The first row of each in the batch that takes them in.
    std::map<std::span<const int32_t>, int64_t, Lexicographic> prompts;
    std::vector<int64_t> slots;
    std::vector<int32_t> last_rows;
    std::vector<KvCache::Run> runs;
    for (int64_t slot = 0; slot < slots_ && waiting_ < requests_.size(); ++slot) {
      if (running_[static_cast<size_t>(slot)]) continue;
      const std::span<const int32_t> ids = requests_[waiting_].prompt;
      const auto length = static_cast<int64_t>(ids.size());
      auto prompt = prompts.find(ids);
      if (prompt == prompts.end()) {
        if (batch.size() > 0 && batch.size() + length > kPrefillTokens) break;
        prompt = prompts.emplace(ids, batch.size()).first;
        add_segment(batch, ids);
      }
      running_[static_cast<size_t>(slot)] = Running{waiting_++, length};
      slots.push_back(slot);
      runs.push_back({slot, 0, prompt->second, length});
      last_rows.push_back(static_cast<int32_t>(prompt->second + length - 1));
    }
    fill_up(batch);
    const KvCache::Placement placement = cache_.place(std::move(runs));
    const at::Tensor hidden = model_.forward_hidden(
        batch, [&](int64_t layer, const at::Tensor& qkv) { cache_.write(layer, qkv, placement); });
    active_ += static_cast<int64_t>(slots.size());
    accept(slots, choose_rows(model_.logits(take_rows(hidden, last_rows)), options_.sampling,
                              uniforms(slots)));
  }

  // The only prompt, of which the cache has the first `known` rows.
  void go_on(int64_t known) {
    const std::vector<int32_t>& prompt = requests_[waiting_].prompt;
    const auto length = static_cast<int64_t>(prompt.size());
    at::Tensor hidden;
    for (int64_t row = known; row < length;) {
      const int64_t count = std::min(length - row, kPrefillTokens);
      std::vector<int32_t> positions(static_cast<size_t>(count)), seen;
      std::iota(positions.begin(), positions.end(), static_cast<int32_t>(row));
      for (const int32_t position : positions) seen.push_back(position + 1);
      hidden = next_hidden(
          model_, cache_,
          take_rows(model_.embedding(), {prompt.begin() + row, prompt.begin() + row + count}),
          rope_table(positions, model_.config().rope_frequencies()),
          cache_.place({{0, row, 0, count}}),
          cache_.view(std::vector<int32_t>(positions.size(), 0), std::move(seen)));
      row += count;
    }
    running_[0] = Running{waiting_++, length};
    active_ = 1;
    const std::vector<int64_t> slots = {0};
    accept(slots, choose_rows(model_.logits(hidden.narrow(0, hidden.size(0) - 1, 1)),
                              options_.sampling, uniforms(slots)));
  }

  static void add_segment(PackedBatch& batch, std::span<const int32_t> ids) {
    const auto begin = static_cast<int32_t>(batch.size());
    batch.ids.insert(batch.ids.end(), ids.begin(), ids.end());
    for (size_t i = 0; i < ids.size(); ++i) batch.positions.push_back(static_cast<int32_t>(i));
    batch.segments.push_back({begin, static_cast<int32_t>(batch.size()), 0, 0});
  }

  // Rounds the number of rows up with a segment nobody sees, so that few shapes occur.
  void fill_up(PackedBatch& batch) const {
    const int64_t step = std::min<int64_t>(32, model_.config().max_position_embeddings);
    const int64_t missing = (step - batch.size() % step) % step;
    if (missing > 0) add_segment(batch, std::vector<int32_t>(static_cast<size_t>(missing), 0));
  }

  // One token further for every running answer.
  void decode() {
    std::vector<int64_t> slots;
    for (int64_t slot = 0; slot < slots_; ++slot)
      if (running_[static_cast<size_t>(slot)]) slots.push_back(slot);
    const std::vector<Choice> choices = repeated_ ? repeat(slots) : step(slots);
    for (const int64_t slot : slots) ++running_[static_cast<size_t>(slot)]->cached;
    accept(slots, choices);
  }

  std::vector<Choice> repeat(std::span<const int64_t> slots) {
    std::vector<RepeatedStep::Row> rows(static_cast<size_t>(slots_));
    for (const int64_t slot : slots)
      rows[static_cast<size_t>(slot)] = {last_token(slot), cached(slot), uniform(slot)};
    const std::vector<Choice> made = repeated_->run(rows);
    std::vector<Choice> choices;
    for (const int64_t slot : slots) choices.push_back(made[static_cast<size_t>(slot)]);
    return choices;
  }

  std::vector<Choice> step(std::span<const int64_t> slots) {
    const auto few = static_cast<size_t>(kernels_for(model_.embedding()).most_few_rows);
    if (few_ && slots.size() <= few) {
      std::vector<int32_t> ids, positions;
      for (const int64_t slot : slots) {
        ids.push_back(last_token(slot));
        positions.push_back(cached(slot));
      }
      return choose_rows(few_->logits(ids, positions, slots), options_.sampling, uniforms(slots));
    }
    const size_t rows =
        slots.size() <= few ? slots.size() : (slots.size() + kRowsStep - 1) / kRowsStep * kRowsStep;
    std::vector<int32_t> ids(rows, 0), positions(rows, 0), seen_slots, counts;
    std::vector<KvCache::Run> runs;
    for (size_t i = 0; i < rows; ++i) {
      // Rows that only fill the shape up write to, and read, a slot of their own.
      const int64_t slot = i < slots.size() ? slots[i] : slots_;
      if (i < slots.size()) {
        ids[i] = last_token(slot);
        positions[i] = cached(slot);
      }
      if (i <= slots.size()) runs.push_back({slot, positions[i], static_cast<int64_t>(i), 1});
      seen_slots.push_back(static_cast<int32_t>(slot));
      counts.push_back(positions[i] + 1);
    }
    const at::Tensor hidden =
        next_hidden(model_, cache_, take_rows(model_.embedding(), ids),
                    rope_table(positions, model_.config().rope_frequencies()),
                    cache_.place(std::move(runs)), cache_.view(seen_slots, counts));
    return choose_rows(model_.logits(hidden), options_.sampling, uniforms(slots));
  }

  int32_t last_token(int64_t slot) const {
    return results_[running_[static_cast<size_t>(slot)]->request].tokens.back();
  }
  int32_t cached(int64_t slot) const {
    return static_cast<int32_t>(running_[static_cast<size_t>(slot)]->cached);
  }
  // The random number that decides the slot's next token.
  double uniform(int64_t slot) const {
    const size_t request = running_[static_cast<size_t>(slot)]->request;
    return Random(options_.seed, Purpose::kSampling, requests_[request].sample)
        .uniform(results_[request].tokens.size());
  }
  std::vector<double> uniforms(std::span<const int64_t> slots) const {
    std::vector<double> all;
    for (const int64_t slot : slots) all.push_back(uniform(slot));
    return all;
  }

  void accept(std::span<const int64_t> slots, std::span<const Choice> choices) {
    for (size_t i = 0; i < slots.size(); ++i) accept(slots[i], choices[i]);
  }

  void accept(int64_t slot, const Choice& choice) {
    auto& running = running_[static_cast<size_t>(slot)];
    Generation& result = results_[running->request];
    result.tokens.push_back(choice.token);
    result.logprobs.push_back(choice.logprob);
    result.stopped = std::find(options_.stop_tokens.begin(), options_.stop_tokens.end(),
                               choice.token) != options_.stop_tokens.end();
    if (callbacks_.token && callbacks_.token(running->request, result)) result.stopped = true;
    // With its last token, which is not in the cache, an answer still fits into the context.
    const bool full = static_cast<int64_t>(result.tokens.size()) >= options_.max_new_tokens ||
                      running->cached + 1 >= cache_.rows();
    if (!result.stopped && !full) return;
    const size_t request = running->request;
    running.reset();
    --active_;
    if (callbacks_.finished) callbacks_.finished(request);
  }

  const Model& model_;
  std::span<const GenerationRequest> requests_;
  const GenerationOptions& options_;
  const GenerationCallbacks& callbacks_;
  int64_t slots_;
  KeptPrefix* kept_;
  KvCache cache_;  // one slot more than used: the one of filling rows
  std::optional<TokenPass> few_;
  std::vector<std::optional<Running>> running_;
  std::vector<Generation> results_;
  size_t waiting_ = 0;  // the next request
  int64_t active_ = 0;
  std::optional<RepeatedStep> repeated_;  // through ATen
};

}  // namespace

std::vector<Generation> generate(const Model& model, std::span<const GenerationRequest> requests,
                                 const GenerationOptions& options,
                                 const GenerationCallbacks& callbacks, KeptPrefix* kept) {
  check(options.sampling);
  if (kept != nullptr && requests.size() != 1)
    throw std::invalid_argument("a prefix is kept of one request");
  if (options.max_new_tokens < 1 || options.batch < 1)
    throw std::invalid_argument("max_new_tokens and batch must be at least 1");
  if (requests.empty()) return {};
  const at::NoGradGuard no_gradients;
  const OnOwnStream apart;
  return Decoding(model, requests, options, callbacks, kept).run();
}

}  // namespace lehr::lm
