// Numbers as people read them.
#pragma once

#include <cstdint>
#include <string>

namespace lehr::runtime {

std::string count_text(double count);         // 950, 52.3k, 6M, 1.5B
std::string duration_text(double seconds);    // 3.3ms, 440ms, 1.2s, 12s, 2m13s, 1h04m
std::string bytes_text(std::uint64_t bytes);  // 812 B, 4.0 KiB, 1.2 GiB
std::string number_text(double value);        // four significant digits: 0.7031, 12.5, 3

}  // namespace lehr::runtime
