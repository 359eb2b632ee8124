// Memory for plans of a thousand stages and more. Of the time to plan one, malloc() and free()
// would take a sixth and page faults a seventh, for what lives until the program ends anyway.
#pragma once

#include <cstddef>

namespace lehr::cli {

// From now on `new` in this thread takes the next `bytes` one after the other, in pages of 2 MiB if
// the kernel has such; then it takes from the heap again. What is deleted with its size, as
// containers do it, is taken again. Once in a program; other threads and malloc() know nothing of
// it.
void reserve_plan_memory(std::size_t bytes);

}  // namespace lehr::cli
