// The header of a safetensors file; every tensor it gives lies inside the file.
#include <exception>

#include "input_file.h"
#include "lm/safetensors.h"

using namespace lehr;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fuzz::InputFile file(data, size);
  try {
    const lm::SafetensorsFile tensors(file.path());
    unsigned sum = 0;
    for (const auto& entry : tensors.entries())
      for (std::size_t i = 0; i < entry.bytes; ++i)
        sum += static_cast<unsigned char>(entry.data[i]);
    asm volatile("" : : "r"(sum));   // it has to be read
  } catch (const std::exception&) {  // its contract names no narrower type
  }
  return 0;
}
