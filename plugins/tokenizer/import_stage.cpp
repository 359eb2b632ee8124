#include "import_stage.h"

#include <filesystem>
#include <fstream>
#include <sstream>

#include "expression_rules.h"
#include "text/tiktoken_file.h"
#include "text/tokenizer.h"

namespace lehr::plugins::tokenizer {
namespace {

namespace fs = std::filesystem;

std::string read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file) throw Error("cannot read '" + path.string() + "'");
  return std::move(text).str();
}

}  // namespace

void Import::describe(Description& d) {
  d.summary("takes over a tokenizer.json or a .tiktoken file").determinism(Determinism::exact);
  d.output("tokenizer", "tokenizer").self("T");
  d.input_path("path", path_)
      .required()
      .help("a tokenizer.json, the folder it is in, or a .tiktoken file");
  d.choice("pattern", pattern_,
           {"gpt2", "cl100k", "o200k", "llama3", "qwen2", "cl100k_tiktoken", "smollm"})
      .help("for a .tiktoken file: how text is cut");
  d.text("expression", expression_)
      .help("for a .tiktoken file: a regular expression that cuts text, instead of a pattern");
  d.list_of("special_tokens", special_tokens_, [](Description& fields, Special& token) {
     fields.text("content", token.content).required();
     fields.count("id", token.id).required().range(0, 1 << 24);
   }).help("for a .tiktoken file, which does not hold them");
  d.boolean("chat_tokens", chat_tokens_)
      .help("adds <|endoftext|> <|pad|> <|im_start|> <|im_end|>, as far as they are not there");
}

void Import::check() { check_expression(expression_); }

void Import::run(Context& context) {
  const bool is_folder = fs::is_directory(path_);
  const std::string file = is_folder ? std::string() : read(path_);
  const bool by_rank = !is_folder && (path_.ends_with(".tiktoken") || text::is_tiktoken_file(file));
  if (!by_rank && (pattern_ || expression_ || !special_tokens_.empty()))
    throw Error("'" + path_ +
                "' is no .tiktoken file: it says itself what pattern, expression and "
                "special_tokens say of such a file. Leave them out");
  if (by_rank && !pattern_ && !expression_)
    throw Error("'" + path_ +
                "' is a .tiktoken file, which does not say how text is cut: give "
                "pattern, e.g. cl100k_tiktoken, or expression");
  const auto by_rank_file = [&] {
    const auto cut = text::Pretokenizer::of(pattern_.value_or(""), expression_);
    try {
      return text::parse_tiktoken_file(file, cut);
    } catch (const Error& e) {
      throw Error("'" + path_ + "': " + e.what());
    }
  };
  const auto load = [&] {
    if (!by_rank)
      return chat_tokens_ ? text::Tokenizer::load_for_chat(path_) : text::Tokenizer::load(path_);
    text::TokenizerSpec spec = by_rank_file();
    for (const Special& special : special_tokens_)
      spec.add_special(special.content, static_cast<text::TokenId>(special.id));
    if (chat_tokens_) text::add_chat_tokens(spec);
    return text::Tokenizer(spec);
  };
  const text::Tokenizer tokenizer = load();
  if (!tokenizer.pretokenizer().pattern()) context.warning(kSlowExpression);
  for (const std::string& what : tokenizer.passed_over())
    context.warning("Hugging Face's encode " + what +
                    "; Lehr does so with no document, prompt or conversation");
  tokenizer.save(context.output("tokenizer"));
  context.set_facet("tokenizer", "vocab_size", std::to_string(tokenizer.vocab_size()));
  context.result("vocab_size", static_cast<double>(tokenizer.vocab_size()));
}

}  // namespace lehr::plugins::tokenizer
