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

// Of x's shape and dtype, float or bf16, where x lies. fill gets a pointer to its elements on the
// CPU, where all devices draw the same; beside it nothing of its size is made.
template <class Fill>
at::Tensor drawn_like(const at::Tensor& x, const Fill& fill) {
  const at::Tensor drawn = at::empty(x.sizes(), x.options().device(at::kCPU));
  if (x.scalar_type() == at::kBFloat16)
    fill(drawn.data_ptr<c10::BFloat16>());
  else
    fill(drawn.data_ptr<float>());
  return drawn.to(x.device());
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
  x.add_(drawn_like(x, [&](auto* values) {
    parallel_blocks(rows, kNoiseRows, [&](int64_t begin, int64_t end) {
      Words words(random);
      auto* to = values + begin * channels;
      auto index = static_cast<uint64_t>(begin * channels);
      for (int64_t r = begin; r < end; ++r)
        for (int64_t c = 0; c < channels; ++c) {
          const auto middle = static_cast<double>(words.at(index++)) + 0.5;  // of 2^32 equal parts
          *to++ = bound[static_cast<size_t>(r)] * static_cast<float>(middle * 0x1p-31 - 1);
        }
    });
  }));
}

at::Tensor TrainingNoise::drop(const at::Tensor& x, uint64_t place) const {
  if (dropout <= 0) return x;
  const Random random = numbers(Purpose::kDropout);
  const auto below = static_cast<uint64_t>(dropout * 0x1p32);  // of 2^32 numbers: they drop
  const auto kept = static_cast<float>(1 / (1 - dropout));
  const at::Tensor factors = drawn_like(x, [&](auto* to) {
    parallel_blocks(x.numel(), kElements, [&](int64_t begin, int64_t end) {
      Words words(random);
      for (int64_t i = begin; i < end; ++i) {
        const uint64_t index = (place << kPlaceShift) + static_cast<uint64_t>(i);
        to[i] = words.at(index) < below ? 0.0f : kept;
      }
    });
  });
  return factors.mul_(x);
}

}  // namespace lehr::lm
