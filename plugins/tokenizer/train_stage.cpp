#include "train_stage.h"

#include <oneapi/tbb/task_arena.h>

#include "expression_rules.h"
#include "text/chat_rows.h"
#include "text/document_flow.h"
#include "text/token_kinds.h"
#include "text/tokenizer.h"
#include "train_state.h"

namespace lehr::plugins::tokenizer {
namespace {

struct Nothing {};

void count_documents(Context& context, text::WordCounts& counts, TrainState& state,
                     std::uint64_t commit_every) {
  const Input documents = context.input("documents");
  const auto files = text::data_files(documents.path, "train");
  if (files.empty()) throw Error(documents.path.string() + ": holds no train-*.jsonl.zst");
  text::flow<Nothing>(
      context, files, text::Durable{state.position, commit_every, [&] { state.commit(counts); }},
      [&](text::DocumentParser& parser, Nothing&) {
        text::Document document;
        for (std::string_view line; parser.next(document, line);) counts.add(document.text);
      },
      [](Nothing&) {});
}

// As chat rendering cuts them: the head of a turn, then its content.
void count_conversations(Context& context, text::WordCounts& counts) {
  for (const Input& input : context.inputs("conversations")) {
    text::RowReader<text::Conversation> reader(text::data_files(input.path, "train"));
    for (text::Conversation row; reader.next(row);) {
      if (context.cancelled()) throw Cancelled();
      for (const text::Message& message : row.messages) {
        counts.add(message.role + "\n");
        counts.add(message.content);
      }
    }
  }
}

// Bytes of text per token, over the words the tokenizer was trained on: of all of them, and of each
// kind of text.
void report_bytes_per_token(const Context& context, const text::Tokenizer& tokenizer,
                            const text::WordList& words) {
  text::Tokenizer::Cache cache;
  std::vector<text::TokenId> ids;
  text::TokenKinds kinds;
  for (const auto& [word, count] : words) {
    ids.clear();
    tokenizer.encode(word, ids, cache);
    kinds.add(tokenizer, ids, static_cast<std::uint64_t>(count));
  }
  double bytes = 0, tokens = 0;
  for (const auto& share : kinds.shares()) {
    bytes += static_cast<double>(share.bytes);
    tokens += static_cast<double>(share.tokens);
    context.result("bytes_per_token/" + std::string(text::name_of(share.kind)),
                   share.bytes_per_token());
  }
  context.result("bytes_per_token", tokens > 0 ? bytes / tokens : 0);
}

}  // namespace

void Train::describe(Description& d) {
  d.summary("trains a byte-level BPE tokenizer with chat tokens").determinism(Determinism::exact);
  d.input("documents", "documents").help("the train-* files are counted");
  d.input("conversations", "conversations")
      .list()
      .optional()
      .help("their messages are counted like documents");
  d.output("tokenizer", "tokenizer").self("T");
  d.count("vocab_size", vocab_size_)
      .range(256 + 4, 1 << 20)
      .help("tokens: 256 bytes, merges, and the four special ones");
  d.choice("pattern", pattern_,
           {"gpt2", "cl100k", "o200k", "llama3", "qwen2", "cl100k_tiktoken", "smollm"})
      .help("how text is cut before merging: the rule of the tokenizer named");
  d.text("expression", expression_)
      .help(
          "a regular expression that cuts text, instead of a pattern; encoding takes two to three "
          "times as long");
  d.choice("tie_break", tie_break_, {"huggingface", "rustbpe"})
      .help("whose merges are made when two pairs are equally frequent");
  d.bytes("memory", memory_bytes_)
      .range(1 << 20, std::int64_t{1} << 50)
      .no_effect()
      .help(
          "for the different words of the text while they are counted, of all threads together; "
          "more of them are counted and merged on disk, where merging is slower");
  d.bytes("commit_every", commit_every_)
      .at_least(1)
      .no_effect()
      .help("text between two durable states; a killed stage counts at most this much again");
}

void Train::check() { check_expression(expression_); }

// Less only where the text gives fewer merges, which the stage warns of.
void Train::estimate(const std::vector<Input>&, Estimate& out) {
  out.outputs["tokenizer"] = "{\"vocab_size\":" + std::to_string(vocab_size_) + "}";
}

void Train::run(Context& context) {
  const auto pattern = text::Pretokenizer::of(pattern_, expression_);
  if (!pattern.pattern()) context.warning(kSlowExpression);
  text::WordCounts counts(pattern, static_cast<std::uint64_t>(memory_bytes_),
                          context.output("tokenizer"));
  TrainState state(context);
  state.resume();
  if (!state.begun()) count_conversations(context, counts);
  if (!state.complete())
    count_documents(context, counts, state, static_cast<std::uint64_t>(commit_every_));
  tbb::task_arena arena(context.threads());
  const text::WordList words = arena.execute([&] {
    state.add_to(counts);
    return counts.sorted();
  });
  if (words.empty()) throw Error("the training documents hold no text to learn from");
  context.info("counted " + std::to_string(words.size()) + " different words" +
               (counts.spilled() ? ", more than `memory` holds: they are merged on disk" : ""));

  text::BpeOptions options;
  options.vocab_size = static_cast<std::size_t>(vocab_size_);
  options.special_tokens = text::chat_special_tokens();
  options.tie_break =
      tie_break_ == "rustbpe" ? text::TieBreak::rustbpe : text::TieBreak::huggingface;
  options.memory = counts.memory();
  options.progress = [&](std::size_t tokens, std::size_t wanted) {
    if (context.cancelled()) {
      if (!state.complete()) state.commit_all(words);
      throw Cancelled();
    }
    context.progress(tokens, wanted, "tokens");
  };
  const text::BpeModel model = text::train_bpe(words, pattern, options);
  const text::Tokenizer tokenizer(model);
  if (tokenizer.vocab_size() < options.vocab_size)
    context.warning("nothing is left to merge: the vocabulary has " +
                    std::to_string(tokenizer.vocab_size()) + " tokens, not " +
                    std::to_string(options.vocab_size) +
                    ". Give more text or a smaller vocab_size");
  tokenizer.save(context.output("tokenizer"));
  context.set_facet("tokenizer", "vocab_size", std::to_string(tokenizer.vocab_size()));
  context.result("vocab_size", static_cast<double>(tokenizer.vocab_size()));
  context.result("words", static_cast<double>(words.size()));
  report_bytes_per_token(context, tokenizer, words);
}

}  // namespace lehr::plugins::tokenizer
