// GGUF files: header, tensors, and what a model and a tokenizer make of the keys.
#include <exception>
#include <vector>

#include "input_file.h"
#include "lm/gguf.h"

using namespace lehr;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fuzz::InputFile file(data, size);
  try {
    const lm::GgufFile gguf(file.path());
    for (const lm::GgufTensor& tensor : gguf.tensors()) {
      std::vector<float> values(static_cast<std::size_t>(lm::ggml_block_size(tensor.type)));
      const std::int64_t step = lm::ggml_block_size(tensor.type);
      for (std::int64_t i = 0; i < tensor.elements(); i += step)
        lm::dequantize(tensor.type, tensor.data + i / step * lm::ggml_block_bytes(tensor.type),
                       values.data(), step);
    }
  } catch (const std::exception&) {  // its contract names no narrower type
  }
  return 0;
}
