// GGUF files: header, tensors, and what a model and a tokenizer make of the keys.
#include <exception>
#include <vector>

#include "input_file.h"
#include "lm/gguf_config.h"
#include "lm/gguf_tokenizer.h"

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
  for (const auto read : {+[](const lm::GgufFile& gguf) { lm::gguf_config(gguf); },
                          +[](const lm::GgufFile& gguf) { lm::gguf_tokenizer(gguf); }})
    try {
      read(lm::GgufFile(file.path()));
    } catch (const std::exception&) {
    }
  return 0;
}
