// Hashes of bytes from which that of two texts run together follows: they are polynomials of the
// bytes modulo 2^64.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace lehr::plugins::filter {

std::uint64_t run_hash(std::string_view bytes);
// run_hash(a + b) = run_hash(a) * run_hash_power(size of b) + run_hash(b).
std::uint64_t run_hash_power(std::size_t size);

}  // namespace lehr::plugins::filter
