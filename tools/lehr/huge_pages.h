// Memory for plans of a thousand stages and more, whose page faults would take a seventh of the
// time that planning takes.
#pragma once

#include <cstddef>

namespace lehr::cli {

// The heap's next `bytes` come in pages of 2 MiB if the kernel has such, and freed memory is kept.
void reserve_huge_pages(std::size_t bytes);

}  // namespace lehr::cli
