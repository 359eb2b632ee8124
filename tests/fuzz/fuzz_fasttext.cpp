// Models of fastText: refused, or able to say something of every text.
#include <lehr/value.h>

#include <cstring>
#include <sstream>

#include "filter/fasttext_file.h"
#include "filter/language.h"
#include "filter/verdict_on.h"
#include "input_file.h"

namespace {

using namespace lehr;
using namespace lehr::plugins::filter;

// fastText then fills a table of 40 MB, whatever the file's size: such a file is only looked at.
bool has_negative_samples(const std::uint8_t* data, std::size_t size) {
  std::int32_t loss = 0;
  if (size >= 36) std::memcpy(&loss, data + 32, sizeof loss);
  return loss == 2;
}

void judge(const std::filesystem::path& path, const std::string& text) try {
  verdict_on<Language>(text, {{"model", path.string()}, {"languages", {"en"}}});
} catch (const Error&) {
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::istringstream in(std::string(reinterpret_cast<const char*>(data), size));
  try {
    check_fasttext_file(in, size);
  } catch (const Error&) {
    return 0;
  }
  if (has_negative_samples(data, size)) return 0;
  const fuzz::InputFile file(data, size);
  for (const char* text : {"", "a bc", "the b </s> __label__en n\xc3\xa4h xyz"})
    judge(file.path(), text);
  return 0;
}
