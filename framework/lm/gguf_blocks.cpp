// The block formats of ggml. f16 d: the block's scale.
//   Q8_0  32 values: d, int8[32]                       x = d * q
//   Q4_0  32 values: d, nibbles[16]                    x = d * (q - 8)
//   Q4_1  32 values: d, f16 m, nibbles[16]             x = d * q + m
//   Q6_K  256 values: low 4 bits[128], high 2 bits[64], int8 scales[16], d   x = d * scale * (q -
//   32)
// In Q4_* value i of the first half is the low nibble of byte i, of the second half the high one.
#include <c10/util/BFloat16.h>
#include <c10/util/Half.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <stdexcept>

#include "lm/gguf.h"

namespace lehr::lm {
namespace {

struct TypeFacts {
  GgmlType type;
  const char* name;
  int64_t size, bytes;
};
constexpr TypeFacts kTypes[] = {
    {GgmlType::kF32, "F32", 1, 4},      {GgmlType::kF16, "F16", 1, 2},
    {GgmlType::kBF16, "BF16", 1, 2},    {GgmlType::kQ8_0, "Q8_0", 32, 34},
    {GgmlType::kQ4_0, "Q4_0", 32, 18},  {GgmlType::kQ4_1, "Q4_1", 32, 20},
    {GgmlType::kQ6_K, "Q6_K", 256, 210}};

const TypeFacts& facts(GgmlType type) {
  for (const TypeFacts& known : kTypes)
    if (known.type == type) return known;
  throw std::runtime_error("tensor type " + std::to_string(static_cast<uint32_t>(type)) +
                           " is not supported; known are F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q6_K");
}

float half_at(const std::byte* from) {
  uint16_t bits;
  std::memcpy(&bits, from, 2);
  return static_cast<float>(c10::Half(bits, c10::Half::from_bits()));
}

void put_half(float value, std::byte* to) {
  const uint16_t bits = c10::Half(value).x;
  std::memcpy(to, &bits, 2);
}

int byte_at(const std::byte* from, int64_t i) { return std::to_integer<int>(from[i]); }

void read_q8_0(const std::byte* block, float* to) {
  const float d = half_at(block);
  for (int i = 0; i < 32; ++i)
    to[i] = d * static_cast<float>(static_cast<int8_t>(byte_at(block, 2 + i)));
}

void read_q4(const std::byte* nibbles, float d, float offset, float* to) {
  for (int i = 0; i < 16; ++i) {
    to[i] = d * static_cast<float>(byte_at(nibbles, i) & 15) + offset;
    to[i + 16] = d * static_cast<float>(byte_at(nibbles, i) >> 4) + offset;
  }
}

void read_q6_k(const std::byte* block, float* to) {
  const float d = half_at(block + 208);
  for (int half = 0; half < 2; ++half) {
    const std::byte* low = block + 64 * half;
    const std::byte* high = block + 128 + 32 * half;
    const std::byte* scales = block + 192 + 8 * half;
    for (int quarter = 0; quarter < 4; ++quarter) {
      for (int i = 0; i < 32; ++i) {
        const int nibble = byte_at(low, i + 32 * (quarter % 2)) >> (quarter / 2 * 4) & 15;
        const int q = (nibble | (byte_at(high, i) >> (2 * quarter) & 3) << 4) - 32;
        const auto scale = static_cast<int8_t>(byte_at(scales, 2 * quarter + i / 16));
        to[128 * half + 32 * quarter + i] = d * static_cast<float>(scale) * static_cast<float>(q);
      }
    }
  }
}

void read_block(GgmlType type, const std::byte* block, float* to) {
  switch (type) {
    case GgmlType::kF32:
      std::memcpy(to, block, 4);
      return;
    case GgmlType::kF16:
      *to = half_at(block);
      return;
    case GgmlType::kBF16: {
      uint16_t bits;
      std::memcpy(&bits, block, 2);
      *to = static_cast<float>(c10::BFloat16(bits, c10::BFloat16::from_bits()));
      return;
    }
    case GgmlType::kQ8_0:
      return read_q8_0(block, to);
    case GgmlType::kQ4_0:
      return read_q4(block + 2, half_at(block), -8 * half_at(block), to);
    case GgmlType::kQ4_1:
      return read_q4(block + 4, half_at(block), half_at(block + 2), to);
    case GgmlType::kQ6_K:
      return read_q6_k(block, to);
  }
}

void write_q8_0(const float* from, std::byte* block) {
  float largest = 0;
  for (int i = 0; i < 32; ++i) largest = std::max(largest, std::fabs(from[i]));
  const float d = largest / 127.0f;
  const float inverse = d == 0 ? 0.0f : 1.0f / d;
  put_half(d, block);
  for (int i = 0; i < 32; ++i)
    block[2 + i] = static_cast<std::byte>(static_cast<int8_t>(std::round(from[i] * inverse)));
}

}  // namespace

std::string ggml_type_name(GgmlType type) { return facts(type).name; }
int64_t ggml_block_size(GgmlType type) { return facts(type).size; }
int64_t ggml_block_bytes(GgmlType type) { return facts(type).bytes; }

void dequantize(GgmlType type, const std::byte* from, float* to, int64_t count) {
  const TypeFacts& f = facts(type);
  for (int64_t i = 0; i < count; i += f.size, from += f.bytes) read_block(type, from, to + i);
}

void quantize(GgmlType type, const float* from, std::byte* to, int64_t count) {
  const TypeFacts& f = facts(type);
  for (int64_t i = 0; i < count; i += f.size, to += f.bytes) {
    if (type == GgmlType::kF32) {
      std::memcpy(to, from + i, 4);
    } else if (type == GgmlType::kF16) {
      put_half(from[i], to);
    } else if (type == GgmlType::kBF16) {
      const uint16_t bits = c10::BFloat16(from[i]).x;
      std::memcpy(to, &bits, 2);
    } else if (type == GgmlType::kQ8_0) {
      write_q8_0(from + i, to);
    } else {
      throw std::invalid_argument(std::string("cannot write ") + f.name +
                                  "; use F32, F16, BF16 or Q8_0");
    }
  }
}

}  // namespace lehr::lm
