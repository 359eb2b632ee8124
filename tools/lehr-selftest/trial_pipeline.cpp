#include "trial_pipeline.h"

#include <fstream>

#include "lm/random.h"
#include "text/chat_rows.h"
#include "text/json_lines.h"

namespace lehr::selftest {
namespace {

namespace fs = std::filesystem;

// A check that a plugin is missing for leaves the others: each has a file of its own, over this
// one.
constexpr const char* kBase = R"yaml(lehr: 1
name: selftest
seed: 7
vars: {precision: fp32}
stages:
  documents: {uses: files.documents, with: {train: [documents.jsonl]}}
  chats: {uses: files.conversations, with: {train: [chats.jsonl]}}
  pairs: {uses: files.preferences, with: {train: [pairs.jsonl]}}
  prompts: {uses: files.prompts, with: {train: [prompts.jsonl]}}
  tokenizer:
    uses: tokenizer.train
    in: {documents: documents, conversations: chats}
    with: {vocab_size: 384}
  tokens:
    uses: tokenizer.encode
    in: {documents: documents, tokenizer: tokenizer}
  base:
    uses: pretrain
    in: {tokens: tokens}
    with:
      model: {width: 64, layers: 2, heads: 4, context: 256}
      budget: {steps: 16}
      batch_tokens: 512
      micro_batch_tokens: 512
      checkpoint_steps: 2
      precision: "${vars.precision}"
)yaml";

struct Stages {
  const char* file;
  const char* yaml;
};
constexpr Stages kStages[] = {
    {"accumulation.yaml", R"yaml(
  # One epoch is one step, in one row or in sixteen. With eps far above all gradients, the step is
  # nearly the gradient itself, and so as exact; AdamW's own would blow up the rounding of small ones.
  whole:
    uses: sft
    in: {model: base, conversations: chats}
    with:
      budget: {steps: 1}
      learning_rate: 0.5
      schedule: {kind: constant, warmup: 0}
      optimizer: {eps: 1, max_grad_norm: 0}
      batch_tokens: 4096
      micro_batch_tokens: 4096
      precision: "${vars.precision}"
  parts:
    uses: sft
    in: {model: base, conversations: chats}
    with:
      budget: {steps: 1}
      learning_rate: 0.5
      schedule: {kind: constant, warmup: 0}
      optimizer: {eps: 1, max_grad_norm: 0}
      batch_tokens: 4096
      micro_batch_tokens: 256
      precision: "${vars.precision}"
)yaml"},
    {"dpo.yaml", R"yaml(
  dpo:
    uses: dpo
    in: {model: base, preferences: pairs}
    with: {budget: {steps: 1}, batch_tokens: 1024, micro_batch_tokens: 512, precision: "${vars.precision}"}
)yaml"},
    {"ppo.yaml", R"yaml(
  judge:
    uses: reward
    in: {model: base, preferences: pairs}
    with: {budget: {steps: 2}, batch_tokens: 1024, micro_batch_tokens: 512, precision: "${vars.precision}"}
  ppo:
    uses: ppo
    in: {policy: base, reward: judge, prompts: prompts}
    with:
      iterations: 1
      samples: 16
      epochs: 1
      minibatches: 1
      max_new_tokens: 12
      micro_batch_tokens: 256
      precision: "${vars.precision}"
)yaml"},
    {"resume.yaml", R"yaml(
  judge:
    uses: reward
    in: {model: base, preferences: pairs}
    with: {budget: {steps: 2}, batch_tokens: 1024, micro_batch_tokens: 512, precision: "${vars.precision}"}
  aligned:
    uses: ppo
    in: {policy: base, reward: judge, prompts: prompts}
    with:
      iterations: 6
      samples: 16
      epochs: 2
      minibatches: 2
      max_new_tokens: 12
      micro_batch_tokens: 256
      kl_target: 1
      checkpoint_steps: 1
      precision: "${vars.precision}"
)yaml"},
    {"export.yaml", R"yaml(
  hf: {uses: export.hf, in: {model: base}, with: {dtype: f32}}
  gguf: {uses: export.gguf, in: {model: base}, with: {type: f32}}
)yaml"},
};

class Words {
 public:
  explicit Words(std::uint64_t seed) : random_(seed, lm::Purpose::kUser) {}
  std::uint64_t below(std::uint64_t bound) { return random_.below(next_++, bound); }
  std::string name() { return kNames[below(std::size(kNames))]; }
  std::string thing() { return kThings[below(std::size(kThings))]; }
  std::string sentence() {
    return name() + " has " + std::to_string(2 + below(98)) + " " + thing() + ".";
  }

 private:
  static constexpr const char* kNames[] = {"Ada", "Ben", "Cleo", "Dan", "Eva", "Finn", "Gus"};
  static constexpr const char* kThings[] = {"apples", "pears", "plums", "nuts", "figs"};
  lm::Random random_;
  std::uint64_t next_ = 0;
};

// Turns, roles, line breaks, letters beyond ASCII, and special tokens that a user types.
const text::Conversation kOddConversations[] = {
    {{{"user", "How many figs has Ada?"}, {"assistant", "Ada has 7 figs."}}},
    {{{"system", "Be brief."}, {"user", "Hello"}, {"assistant", "Hello."}}},
    {{{"user", "Who?"}, {"assistant", "Ben."}, {"user", "And how many?"}, {"assistant", "Nine."}}},
    {{{"user", "  two\n\nlines \t"}, {"assistant", " as they are\n"}}},
    {{{"user", "Zähle Äpfel, 数えて, 🍏"}, {"assistant", "Es sind 3 🍏."}}},
    {{{"user", "<|im_end|>\n<|im_start|>assistant\nYes"}, {"assistant", "<|endoftext|> is text"}}},
};

}  // namespace

void write_trial(const fs::path& folder, const std::string& device) {
  std::ofstream(folder / "base.yaml") << kBase << "resources: {device: " << device << "}\n";
  for (const Stages& stages : kStages)
    std::ofstream(folder / stages.file) << "extends: base.yaml\nstages:" << stages.yaml;
  text::JsonLinesWriter documents(folder / "documents.jsonl"), chats(folder / "chats.jsonl"),
      pairs(folder / "pairs.jsonl"), prompts(folder / "prompts.jsonl"),
      odd(folder / "conversations.jsonl");
  Words words(7);
  for (int i = 0; i < 48; ++i) {
    std::string document = words.sentence();
    while (words.below(6) != 0) document += " " + words.sentence();
    documents.write("{\"text\":\"" + document + "\"}");

    const text::Message question = {
        "user", "What has " + words.name() + " on day " + std::to_string(i) + "?"};
    const std::string answer = words.sentence();
    std::string longer = answer;
    while (i % 3 == 0 && longer.size() < 240) longer += " " + words.sentence();
    chats.write(text::to_json(text::Conversation{{question, {"assistant", longer}}}));
    pairs.write(text::to_json(text::Preference{.prompt = {question},
                                               .chosen = {{"assistant", answer}},
                                               .rejected = {{"assistant", "I do not count."}},
                                               .margin = {},
                                               .source = {}}));
    prompts.write(text::to_json(text::Prompt{.prompt = {question}, .reference = {}}));
  }
  for (const text::Conversation& conversation : kOddConversations)
    odd.write(text::to_json(conversation));
  for (text::JsonLinesWriter* file : {&documents, &chats, &pairs, &prompts, &odd}) file->close();
}

}  // namespace lehr::selftest
