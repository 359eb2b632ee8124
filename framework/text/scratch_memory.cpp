#include "text/scratch_memory.h"

#include <sys/mman.h>

#include "text/scratch_file.h"

namespace lehr::text {

void* ScratchMemory::do_allocate(std::size_t bytes, std::size_t) {
  ScratchFile file(folder_);
  file.reserve(bytes);
  return file.map();
}

void ScratchMemory::do_deallocate(void* data, std::size_t bytes, std::size_t) {
  ::munmap(data, bytes);
}

}  // namespace lehr::text
