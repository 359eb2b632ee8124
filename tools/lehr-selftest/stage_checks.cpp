#include "stage_checks.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <numbers>
#include <set>
#include <stdexcept>

#include "lm/chat_feed.h"
#include "lm/device.h"
#include "lm/reference_model.h"
#include "lm/small_model.h"
#include "text/chat.h"
#include "text/chat_rows.h"

namespace lehr::selftest {
namespace {

namespace fs = std::filesystem;

double metric(const Metrics& metrics, const std::string& name) {
  const auto found = metrics.find(name);
  if (found == metrics.end())
    throw std::runtime_error("the stage tells no '" + name + "' of its first step");
  return found->second;
}

double relative(double a, double b) {
  return std::abs(a - b) / std::max({std::abs(a), std::abs(b), 1e-12});
}

at::Tensor weights_in(const fs::path& folder) {
  return lm::on_host(lm::Model::load(folder, lm::Precision::kFp32).weights());
}

std::string content(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::set<std::string> files_below(const fs::path& folder) {
  std::set<std::string> names;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.is_regular_file()) names.insert(entry.path().lexically_relative(folder).string());
  return names;
}

// As chat does: what stands there when an answer is asked for, then the answer. `trained`: the
// answers' tokens.
text::ChatTokens as_chat_writes(const text::Tokenizer& tokenizer, const text::Messages& messages) {
  text::ChatTokens out;
  text::Tokenizer::Cache cache;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    if (messages[i].role != "assistant") continue;
    out.ids = text::render_prompt(tokenizer, std::span(messages).first(i), cache);
    out.trained.resize(out.ids.size(), 0);
    const auto answer = text::render_answer(tokenizer, messages[i].content, cache);
    out.ids.insert(out.ids.end(), answer.begin(), answer.end());
    out.trained.resize(out.ids.size(), 1);
  }
  return out;
}

std::string by_hand(const text::Messages& messages) {
  std::string out;
  for (const text::Message& m : messages)
    out += "<|im_start|>" + m.role + "\n" + m.content + "<|im_end|>\n";
  out.pop_back();  // what follows the last answer is not trained on
  return out;
}

}  // namespace

Measure update_difference(const fs::path& start, const Trained& whole, const Trained& parts) {
  Measure out;
  const double shown = metric(whole.metrics, "num_tokens");
  if (metric(parts.metrics, "num_tokens") != shown)
    throw std::runtime_error("the two steps were shown other tokens, so nothing can be compared");
  for (const char* name : {"loss", "grad_norm"})
    out.take(relative(metric(whole.metrics, name), metric(parts.metrics, name)), name);
  const at::Tensor before = weights_in(start);
  const at::Tensor one = weights_in(whole.model) - before, other = weights_in(parts.model) - before;
  if (one.norm().item<double>() == 0) throw std::runtime_error("the step changes no weight");
  out.take(lm::relative_error(one, other), "the update of the weights");
  return out;
}

Measure dpo_difference(const Metrics& metrics) {
  Measure out;
  out.take(std::abs(metric(metrics, "loss") - std::numbers::ln2), "the loss");
  return out;
}

Measure ppo_difference(const Metrics& metrics) {
  Measure out;
  out.take(std::abs(metric(metrics, "val/ratio") - 1), "the ratio's mean");
  out.take(std::abs(metric(metrics, "val/ratio_var")), "the ratio's variance");
  out.take(std::abs(metric(metrics, "objective/kl")), "the KL");
  return out;
}

Measure export_difference(const lm::Model& native, const lm::Model& exported,
                          const std::string& what) {
  const at::NoGradGuard no_gradients;
  lm::PackedBatch batch;
  lm::append(batch, 60, 1);  // ids below 97, which every vocabulary has
  const auto logits = [&](const lm::Model& model) {
    return lm::on_host(model.logits(model.forward_hidden(batch)));
  };
  Measure out;
  out.take(lm::relative_error(logits(native), logits(exported)), "the logits of " + what);
  return out;
}

Measure template_difference(const text::Tokenizer& training, const text::Tokenizer& chat,
                            const fs::path& conversations, const std::string& what) {
  lm::ChatReport report;
  lm::SequenceFile sequences(conversations.parent_path());
  lm::read_conversations({conversations}, training, 1 << 20, {1, 0, 0}, report, sequences);
  Measure out;
  double different = 0;
  std::size_t row = 0;
  text::RowReader<text::Conversation> reader({conversations});
  for (text::Conversation c; reader.next(c);) {
    const lm::Branch trained = sequences.read(row++).trunk;
    const text::ChatTokens expected = as_chat_writes(chat, c.messages);
    const bool same_ids = std::equal(trained.ids.begin(), trained.ids.end(), expected.ids.begin(),
                                     expected.ids.end());
    const bool same_mask = std::equal(trained.weights.begin(), trained.weights.end(),
                                      expected.trained.begin(), expected.trained.end());
    const bool same_text = chat.decode(expected.ids) == by_hand(c.messages);
    const char* found = !same_ids    ? " has other tokens in "
                        : !same_mask ? " has other trained tokens in "
                        : !same_text ? " reads otherwise in "
                                     : nullptr;
    if (found != nullptr)
      out.take(++different, "conversation " + std::to_string(row) + found + what);
  }
  if (row == 0 || row != sequences.size())
    throw std::runtime_error(std::to_string(row) + " conversations gave " +
                             std::to_string(sequences.size()) + " sequences");
  return out;
}

Measure files_difference(const fs::path& one, const fs::path& other) {
  const std::set<std::string> names = files_below(one), others = files_below(other);
  std::set<std::string> all = names;
  all.insert(others.begin(), others.end());
  if (names.empty()) throw std::runtime_error(one.string() + " holds no file");
  Measure out;
  double different = 0;
  for (const std::string& name : all)
    if (!names.contains(name) || !others.contains(name) ||
        content(one / name) != content(other / name))
      out.take(++different, name);
  return out;
}

}  // namespace lehr::selftest
