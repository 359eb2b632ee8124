#include "wordnet_stage.h"

#include <algorithm>
#include <filesystem>

#include "expected_rows.h"
#include "text/chat_rows.h"
#include "text/documents.h"

namespace lehr::plugins::wordnet {
namespace {

const char* split_name(Split split) { return split == Split::train ? "train" : "eval"; }

std::filesystem::path rows_file(const Context& context, const char* port, Split split) {
  return context.output(port) / (std::string(split_name(split)) + "-00000.jsonl");
}

text::Messages user(const std::string& content) { return {{"user", content}}; }
text::Messages assistant(const std::string& content) { return {{"assistant", content}}; }

const std::string& answer_to(const Question& question) {
  return question.knowable() ? question.answers.front() : Curriculum::refusals().front();
}

std::uint64_t write_documents(const Context& context, const Curriculum& curriculum, Split split) {
  text::DocumentWriter writer(context.output("documents"), split_name(split));
  for (const TextDocument& document : curriculum.documents(split)) {
    writer.write({document.id, document.text, {}});
  }
  writer.close();
  return writer.documents();
}

std::vector<text::Conversation> conversations(const Curriculum& curriculum, Split split,
                                              const CurriculumOptions& options) {
  std::vector<text::Conversation> rows;
  for (const Question& question :
       curriculum.questions(split, static_cast<std::size_t>(options.questions_per_fact),
                            options.conversations_unknowable_share, "conversations")) {
    text::Conversation& row = rows.emplace_back(text::Conversation{user(question.text)});
    row.messages.push_back({"assistant", answer_to(question)});
  }
  return rows;
}

std::vector<text::Preference> preferences(const Curriculum& curriculum, Split split) {
  std::vector<text::Preference> rows;
  for (const Preference& preference : curriculum.preferences(split)) {
    text::Preference& row = rows.emplace_back();
    row.prompt = user(preference.question.text);
    row.chosen = assistant(preference.chosen);
    row.rejected = assistant(preference.rejected);
    row.source = preference.source;
  }
  return rows;
}

template <class Row>
std::uint64_t write_rows(const std::filesystem::path& file, const std::vector<Row>& rows) {
  text::JsonLinesWriter writer(file);
  for (const Row& row : rows) writer.write(to_json(row));
  writer.close();
  return writer.rows();
}

std::uint64_t write_prompts(const Context& context, const Curriculum& curriculum, Split split,
                            std::size_t questions_per_fact, double unknowable_share,
                            std::size_t most) {
  text::JsonLinesWriter writer(rows_file(context, "prompts", split));
  for (const Question& question :
       curriculum.questions(split, questions_per_fact, unknowable_share, "prompts")) {
    if (writer.rows() == most) break;
    text::Prompt row;
    row.prompt = user(question.text);
    row.reference = answer_to(question);
    row.unknowable = !question.knowable();
    writer.write(to_json(row));
  }
  writer.close();
  return writer.rows();
}

std::uint64_t write_probes(const Context& context, const Curriculum& curriculum,
                           std::size_t questions_per_fact, double unknowable_share,
                           std::size_t most) {
  text::JsonLinesWriter writer(context.output("probes") / "probes.jsonl");
  std::size_t answerable = 0, unknowable = 0, next = 0;
  for (const Question& question :
       curriculum.questions(Split::probe, questions_per_fact, unknowable_share, "probes")) {
    std::size_t& number = question.knowable() ? answerable : unknowable;
    if (number == (question.knowable() ? most : most / 2)) continue;
    text::Probe row;
    row.kind = question.knowable() ? "answer" : "unknowable";
    row.id = row.kind + "-" + std::to_string(number++);
    row.topic = question.topic;
    row.prompt = user(question.text);
    row.answers = question.knowable() ? question.answers : Curriculum::refusals();
    if (question.knowable() && !question.wrong.empty()) {
      row.choices = question.wrong;
      row.choices.push_back(question.answers.front());
      std::ranges::sort(row.choices);
    }
    writer.write(to_json(row));
  }
  for (const Opening& opening : curriculum.openings()) {
    if (next == most / 3) break;
    text::Probe row;
    row.kind = "next";
    row.id = row.kind + "-" + std::to_string(next++);
    row.topic = opening.topic;
    row.text = opening.text;
    row.answers = opening.answers;
    if (opening.choices.size() > 1) row.choices = opening.choices;
    writer.write(to_json(row));
  }
  writer.close();
  return writer.rows();
}

}  // namespace

void WordNetStage::describe(Description& d) {
  d.summary("tells, asks and probes the facts of WordNet: real data with known answers");
  d.uses_seed();
  d.output("documents", "documents").help("facts and glosses in English sentences");
  d.output("conversations", "conversations").help("questions with short answers");
  d.output("preferences", "preferences").help("a good answer beside a plausible worse one");
  d.output("prompts", "prompts").help("questions with the answer as reference");
  d.output("probes", "probes").help("questions on facts that no other port but documents tells");
  d.input_path("path", path_).help("folder of the WordNet 3.0 database (package wordnet-base)");
  d.list("topics", options_.topics, "string")
      .help("any of geography, animals, plants, food, things, opposites, people, parts");
  d.count("facts_per_relation", options_.facts_per_relation)
      .range(4, 100000)
      .help("the most common facts of each relation are taken, up to this many");
  d.count("statements_per_fact", options_.statements_per_fact)
      .range(1, 10000)
      .help(
          "how often the documents state each fact, in varying words; hard ones up to three times "
          "that");
  d.count("statements_per_document", options_.statements_per_document)
      .range(1, 1000)
      .help("facts stated in one document, all different");
  d.real("gloss_share", options_.gloss_share)
      .range(0, 0.95)
      .help("share of the documents that tell what words mean, for general English");
  d.real("eval_share", options_.eval_share)
      .range(0.01, 0.5)
      .help("share of the facts that are asked only in the held-out parts");
  d.real("probe_share", options_.probe_share)
      .range(0.01, 0.5)
      .help("share of the facts that are asked only in the probes");
  d.count("questions_per_fact", options_.questions_per_fact)
      .range(1, 100)
      .help("wordings in which conversations and prompts ask for one fact");
  d.real("unknowable_share", options_.unknowable_share)
      .range(0, 0.9)
      .help("share of the questions that are about made-up names");
  d.real("conversations_unknowable_share", options_.conversations_unknowable_share)
      .range(0, 0.9)
      .help(
          "the same in the conversations: few, as in demonstrations by people, who are mostly asked"
          " what they know; preferences and rewards have more to teach then");
  d.count("preferences_per_fact", options_.preferences_per_fact)
      .range(1, 100)
      .help("wordings in which preferences ask for one fact, each with several pairs of answers");
  d.count("prompts", options_.prompts).range(1, 1e9).help("prompts for training, at most");
  d.count("probes", options_.probes)
      .range(3, 1e6)
      .help("probes with an answer, at most; half as many unknowable, a third as many to continue");
}

void WordNetStage::check() {
  if (options_.eval_share + options_.probe_share >= 1)
    throw Error("probe_share: with eval_share it leaves no facts for training");
  if (options_.topics.empty()) throw Error("'topics' is empty; name at least one topic");
  for (const std::string& topic : options_.topics) {
    if (std::ranges::find(kTopics, topic) != std::end(kTopics)) continue;
    std::string known;
    for (const std::string_view one : kTopics) (known += known.empty() ? "" : ", ") += one;
    throw Error("there is no topic '" + topic + "'; the topics are " + known);
  }
}

void WordNetStage::estimate(const std::vector<Input>&, Estimate& out) {
  const ExpectedRows rows = expected_rows(options_);
  out.outputs["conversations"] = rows.conversations.facts();
  out.outputs["preferences"] = rows.preferences.facts();
}

void WordNetStage::run(Context& context) {
  options_.seed = context.seed();
  const auto database = WordNetDatabase::read(path_);
  const Lexicon lexicon(database);
  const Curriculum curriculum(lexicon, options_);
  const auto per_fact = static_cast<std::size_t>(options_.questions_per_fact);
  const auto prompts = static_cast<std::size_t>(options_.prompts);
  const double unknowable = options_.unknowable_share;
  std::uint64_t written = 0;
  const auto count = [&](const std::string& name, std::uint64_t rows) {
    if (context.cancelled()) throw Cancelled();
    context.result(name, static_cast<double>(rows));
    context.progress(written += rows, 0, "rows");
  };
  for (const Split split : {Split::train, Split::eval}) {
    const std::string prefix = std::string(split_name(split)) + "/";
    count(prefix + "documents", write_documents(context, curriculum, split));
    count(prefix + "conversations", write_rows(rows_file(context, "conversations", split),
                                               conversations(curriculum, split, options_)));
    count(prefix + "preferences",
          write_rows(rows_file(context, "preferences", split), preferences(curriculum, split)));
    count(prefix + "prompts", write_prompts(context, curriculum, split, per_fact, unknowable,
                                            split == Split::train ? prompts : prompts / 10 + 1));
  }
  count("probes", write_probes(context, curriculum, 2, unknowable,
                               static_cast<std::size_t>(options_.probes)));
  context.result("facts/train", static_cast<double>(curriculum.facts(Split::train).size()));
  context.result("facts/eval", static_cast<double>(curriculum.facts(Split::eval).size()));
  context.result("facts/probe", static_cast<double>(curriculum.facts(Split::probe).size()));
}

}  // namespace lehr::plugins::wordnet
