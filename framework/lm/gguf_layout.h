// Numbers of the GGUF format that its reader and its writer share.
#pragma once

#include <cstdint>

namespace lehr::lm::gguf {

constexpr uint64_t kDefaultAlignment = 32;

// Of a metadata value.
enum Kind : uint32_t {
  kU8,
  kI8,
  kU16,
  kI16,
  kU32,
  kI32,
  kFloat32,
  kBool,
  kString,
  kArray,
  kU64,
  kI64,
  kFloat64,
};

}  // namespace lehr::lm::gguf
