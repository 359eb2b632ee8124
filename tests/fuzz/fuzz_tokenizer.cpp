// tokenizer.json and .tiktoken files: what it accepts it must be able to use and to write again.
#include <lehr/value.h>

#include "input_file.h"
#include "text/tiktoken_file.h"
#include "text/tokenizer.h"
#include "text/tokenizer_json.h"

using namespace lehr;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const fuzz::InputFile file(data, size);
    const auto tokenizer = text::Tokenizer::load(file.path());
    const std::string_view text = "Hello, w\xc3\xb6rld! <|endoftext|> 12345\n\n  \xff\xfe x";
    for (const auto specials : {text::Specials::as_text, text::Specials::match})
      tokenizer.decode(tokenizer.encode(text, specials));
  } catch (const Error&) {
  }
  try {
    const auto spec = text::parse_tokenizer_json({reinterpret_cast<const char*>(data), size});
    text::parse_tokenizer_json(text::tokenizer_json(spec));
    text::tokenizer_config_json(spec);
  } catch (const Error&) {
  }
  try {
    const std::string_view file(reinterpret_cast<const char*>(data), size);
    auto spec = text::parse_tiktoken_file(file, text::Pattern::cl100k_tiktoken);
    text::add_chat_tokens(spec);
    const text::Tokenizer tokenizer(spec);
    tokenizer.decode(
        tokenizer.encode("Hello, w\xc3\xb6rld! aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa  \xff"));
  } catch (const Error&) {
  }
  return 0;
}
