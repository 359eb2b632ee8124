#include "stored_evaluation.h"

#include <fstream>
#include <nlohmann/json.hpp>
#include <tuple>

#include "comparison.h"
#include "table.h"

namespace lehr::plugins::evaluate {
namespace {

using Json = nlohmann::ordered_json;

void write(const std::filesystem::path& path, const std::string& text) {
  std::ofstream out(path, std::ios::binary);
  out << text;
  if (!out.flush()) throw Error(path.string() + ": could not be written");
}

Json report(std::span<const Examined> models, const Examined* other, std::size_t probes) {
  Json out = {{"format", 1}, {"probes", probes}};
  if (other != nullptr) out["against"] = other->label;
  for (const Examined& model : models) {
    Json scores = Json::object();
    for (const auto& [name, value] : numbers(model, other)) scores[name] = value;
    out["models"].push_back(
        {{"label", model.label}, {"digest", model.digest}, {"scores", std::move(scores)}});
  }
  return out;
}

Json sample(const text::Probe& probe, std::span<const Examined> models, std::size_t i) {
  Json row = {{"id", probe.id}, {"kind", probe.kind}, {"topic", probe.topic}};
  row["question"] = probe.kind == "next" ? probe.text : probe.prompt.back().content;
  row["accepted"] = probe.answers;
  for (const Examined& m : models) {
    const Outcome& o = m.outcomes[i];
    row["models"][m.label] = {{"answer", o.answer},
                              {"right", o.right},
                              {"in_format", o.in_format},
                              {"refused", o.refused},
                              {"tokens", o.tokens}};
    if (o.has_choices) row["models"][m.label]["picked"] = o.picked;
    if (o.steady) row["models"][m.label]["steady"] = *o.steady;
    if (o.score) row["models"][m.label]["score"] = *o.score;
  }
  return row;
}

Outcome outcome(const Json& stored) {
  Outcome out;
  stored.at("answer").get_to(out.answer);
  stored.at("right").get_to(out.right);
  stored.at("in_format").get_to(out.in_format);
  stored.at("refused").get_to(out.refused);
  stored.at("tokens").get_to(out.tokens);
  out.has_choices = stored.contains("picked");
  out.picked = stored.value("picked", false);
  if (const auto steady = stored.find("steady"); steady != stored.end())
    out.steady = steady->get<bool>();
  return out;
}

// The wanted models, without their outcomes.
std::map<std::string, Examined> listed(const Json& report, const std::set<std::string>& wanted) {
  std::map<std::string, Examined> out;
  for (const Json& entry : report.at("models")) {
    Examined model;
    entry.at("label").get_to(model.label);
    entry.at("digest").get_to(model.digest);
    const Json& scores = entry.at("scores");
    if (const auto bits = scores.find("bits_per_byte"); bits != scores.end() && bits->is_number())
      model.bits_per_byte = bits->get<double>();
    if (wanted.contains(model.digest)) out.emplace(model.digest, std::move(model));
  }
  return out;
}

}  // namespace

std::vector<std::pair<std::string, double>> numbers(const Examined& model, const Examined* other) {
  const Scores& s = model.scores;
  std::vector<std::pair<std::string, double>> out = {
      {"accuracy", s.accuracy},         {"format", s.format}, {"refusal", s.refusal},
      {"over_refusal", s.over_refusal}, {"good", s.good},     {"choice", s.choice},
      {"completion", s.completion},     {"length", s.length}};
  if (model.bits_per_byte) out.emplace_back("bits_per_byte", *model.bits_per_byte);
  if (s.doubted > 0) out.emplace_back("steady", s.steady);
  if (const auto score = mean_score(model.outcomes)) out.emplace_back("score", *score);
  if (other == nullptr || other == &model) return out;
  const Comparison c = compare(model.outcomes, other->outcomes);
  for (const auto& [name, part, of] : {std::tuple{"win_rate", c.wins, c.differ()},
                                       {"kept", c.kept, c.could()},
                                       {"preferred", c.preferred, c.judged()}})
    if (of > 0) out.emplace_back(name, part / of);
  return out;
}

void write_evaluation(const std::filesystem::path& folder, std::span<const Examined> models,
                      const Examined* other, std::span<const text::Probe> probes,
                      std::size_t samples) {
  write(folder / "table.txt", render_table(models, other, probes, samples));
  write(folder / "evaluation.json", report(models, other, probes.size()).dump(2) + "\n");
  std::string lines;
  for (std::size_t i = 0; i < probes.size(); ++i)
    lines +=
        sample(probes[i], models, i).dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  write(folder / "samples.jsonl", lines);
}

std::map<std::string, Examined> read_evaluation(const Input& evaluation,
                                                std::span<const text::Probe> probes,
                                                const std::set<std::string>& wanted) {
  const std::string who = "input 'evaluations' (" + evaluation.label + "): ";
  const Json facets = Json::parse(evaluation.facets, nullptr, false);
  if (!facets.is_object() || !facets.contains("probes") || !facets.contains("max_new_tokens"))
    throw Error(who +
                "it does not say with which parameters it was made; an older version of this "
                "stage made it, or another stage. Run it again: lehr run --force " +
                evaluation.label);
  std::size_t line = 0;
  try {
    std::ifstream report(evaluation.path / "evaluation.json", std::ios::binary);
    std::map<std::string, Examined> models = listed(Json::parse(report), wanted);
    if (models.empty()) return models;
    std::ifstream samples(evaluation.path / "samples.jsonl", std::ios::binary);
    std::string text;
    while (std::getline(samples, text)) {
      const Json row = Json::parse(text);
      if (line >= probes.size() || row.at("id") != probes[line].id)
        throw Error(who + "it is not of these probes");
      for (auto& [digest, model] : models)
        model.outcomes.push_back(outcome(row.at("models").at(model.label)));
      ++line;
    }
    if (line != probes.size()) throw Error(who + "it is not of these probes");
    for (auto& [digest, model] : models) model.scores = score(probes, model.outcomes);
    return models;
  } catch (const Json::exception& error) {
    throw Error(who + "it is damaged, line " + std::to_string(line + 1) + ": " + error.what());
  }
}

}  // namespace lehr::plugins::evaluate
