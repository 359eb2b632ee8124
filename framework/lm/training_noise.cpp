#include "lm/training_noise.h"

#include <ATen/ops/empty.h>

#include <cmath>

#include "lm/parallel.h"

namespace lehr::lm {
namespace {

constexpr int64_t kNoiseRows = 64;      // a thread takes at a time
constexpr int64_t kElements = 1 << 14;  // the same, of what is dropped
constexpr uint64_t kPassBits = 24;      // of a stream's number; the update has the others
constexpr uint64_t kPlaceShift = 42;    // of a place; below it are its elements
constexpr uint64_t kWordsABlock = 4;    // 32 bits each

// Numbers of 32 bits, asked for in their order.
class Words {
 public:
  explicit Words(const Random& random) : random_(random) {}
  uint32_t at(uint64_t index) {
    if (index / kWordsABlock != number_) {
      number_ = index / kWordsABlock;
      block_ = random_.block(number_);
    }
    return block_[index % kWordsABlock];
  }

 private:
  const Random& random_;
  uint64_t number_ = ~uint64_t{0};
  std::array<uint32_t, 4> block_ = {};
};

// [N]: the bounds of a row's noise.
std::vector<float> bounds(const std::vector<Segment>& segments, double alpha, int64_t channels) {
  std::vector<float> bounds;
  for (const Segment& segment : segments) {
    const int32_t length = segment.end - segment.begin;
    const double values = static_cast<double>(length) * static_cast<double>(channels);
    bounds.insert(bounds.end(), static_cast<size_t>(length),
                  static_cast<float>(alpha / std::sqrt(values)));
  }
  return bounds;
}

}  // namespace

Random TrainingNoise::numbers(Purpose purpose) const {
  return Random(seed, purpose, (update << kPassBits) | pass);
}

void TrainingNoise::add_to_embeddings(at::Tensor& x, const std::vector<Segment>& segments) const {
  if (neftune_alpha <= 0) return;
  const int64_t rows = x.size(0), channels = x.size(1);
  const std::vector<float> bound = bounds(segments, neftune_alpha, channels);
  const Random random = numbers(Purpose::kNoise);
  const at::Tensor noise =
      at::empty({rows, channels}, at::TensorOptions(at::kCPU).dtype(at::kFloat));
  parallel_blocks(rows, kNoiseRows, [&](int64_t begin, int64_t end) {
    Words words(random);
    float* to = noise.data_ptr<float>() + begin * channels;
    auto index = static_cast<uint64_t>(begin * channels);
    for (int64_t r = begin; r < end; ++r)
      for (int64_t c = 0; c < channels; ++c) {
        const auto middle = static_cast<double>(words.at(index++)) + 0.5;  // of 2^32 equal parts
        *to++ = bound[static_cast<size_t>(r)] * static_cast<float>(middle * 0x1p-31 - 1);
      }
  });
  x.add_(noise.to(x.options()));
}

at::Tensor TrainingNoise::drop(const at::Tensor& x, uint64_t place) const {
  if (dropout <= 0) return x;
  const Random random = numbers(Purpose::kDropout);
  const auto below = static_cast<uint64_t>(dropout * 0x1p32);  // of 2^32 numbers: they drop
  const auto kept = static_cast<float>(1 / (1 - dropout));
  const at::Tensor factors = at::empty(x.sizes(), at::TensorOptions(at::kCPU).dtype(at::kFloat));
  parallel_blocks(x.numel(), kElements, [&](int64_t begin, int64_t end) {
    Words words(random);
    float* to = factors.data_ptr<float>();
    for (int64_t i = begin; i < end; ++i)
      to[i] = words.at((place << kPlaceShift) + static_cast<uint64_t>(i)) < below ? 0 : kept;
  });
  return x.mul(factors.to(x.options()));
}

}  // namespace lehr::lm
