#include "conformance/samples.h"

#include <fstream>
#include <functional>
#include <map>
#include <vector>

namespace lehr::conformance {
namespace {

using Json = nlohmann::ordered_json;
using Row = std::function<Json(std::size_t)>;

constexpr std::size_t kTrainRows = 160, kEvalRows = 16;

const std::vector<std::string>& texts() {
  static const std::vector<std::string> all = [] {
    std::vector<std::string> out = {
        "The lehr is a long kiln in which glass is cooled slowly, so that it does not crack.",
        "",
        " ",
        "WHY IS EVERYONE SHOUTING IN THIS DOCUMENT? NOBODY KNOWS!",
        "One line.\nAnother line.\n\n\nA line after empty ones.\r\nA line of Windows.\ttabbed",
        "Gr\u00fc\u00dfe aus K\u00f6ln, \u4f60\u597d, \u0645\u0631\u062d\u0628\u0627, "
        "\U0001F9EA\U0001F525 and e\u0301 (decomposed) beside \u00e9",
        "\"quoted\" \\backslashed\\ {\"json\": [1, 2, {\"in\": \"text\"}]} <html>&amp;</html>",
        "word",
        "0123456789 3.14159 -1e-9 1,000,000 0xff",
        "the same words the same words the same words the same words the same words",
        "...!!!??? --- ;;; ()[]{} ### $$$",
        "Ein Satz. Noch ein Satz! Und eine Frage? Ja: eine Antwort; mehr nicht.",
    };
    std::string longer;
    for (int i = 0; i < 400; ++i)
      longer += "A sentence of eight words, number " + std::to_string(i) + ". ";
    out.push_back(longer);
    out.push_back(std::string(5000, 'a'));
    out.push_back(std::string("a null \0 inside", 15));
    out.push_back(out[0]);  // a duplicate
    return out;
  }();
  return all;
}

const std::string& text(std::size_t i) { return texts()[i % texts().size()]; }

// Something to say for rows whose texts may not be empty.
std::string said(std::size_t i) {
  static const char* topics[] = {"rain", "glass", "trains", "bread", "winter"};
  return "What is there to say about " + std::string(topics[i % 5]) + ", number " +
         std::to_string(i) + "?";
}
std::string answered(std::size_t i) {
  return "A little: it is number " + std::to_string(i) + (i % 3 == 0 ? ", and that is all." : ".");
}
Json user(std::size_t i) { return Json::array({{{"role", "user"}, {"content", said(i)}}}); }
Json assistant(const std::string& content) {
  return Json::array({{{"role", "assistant"}, {"content", content}}});
}

const std::map<std::string, Row>& rows() {
  static const std::map<std::string, Row> all = {
      {"documents",
       [](std::size_t i) -> Json {
         Json row = {{"id", "d" + std::to_string(i)}, {"text", text(i)}};
         if (i % 3 == 0) row["source"] = "kit";
         if (i >= texts().size()) row["text"] = text(i) + " " + std::to_string(i);
         return row;
       }},
      {"conversations",
       [](std::size_t i) -> Json {
         Json messages = user(i);
         messages.push_back(assistant(answered(i))[0]);
         if (i % 4 == 0) {
           messages.push_back(user(i + 1)[0]);
           messages.push_back(assistant(std::string(200 * (i % 16), 'x') + answered(i))[0]);
         }
         return {{"messages", messages}};
       }},
      {"preferences",
       [](std::size_t i) -> Json {
         return {{"prompt", user(i)},
                 {"chosen", assistant(answered(i))},
                 {"rejected", assistant("No.")}};
       }},
      {"feedback",
       [](std::size_t i) -> Json {
         return {
             {"prompt", user(i)}, {"completion", assistant(answered(i))}, {"label", i % 2 == 0}};
       }},
      {"prompts",
       [](std::size_t i) -> Json {
         Json row = {{"prompt", user(i)}};
         if (i % 2 == 0) row["reference"] = answered(i);
         return row;
       }},
      {"probes",
       [](std::size_t i) -> Json {
         return {{"id", "p" + std::to_string(i)},
                 {"kind", "answer"},
                 {"prompt", user(i)},
                 {"answers", {answered(i), "yes"}},
                 {"topic", "kit"}};
       }},
  };
  return all;
}

void write_rows(const std::filesystem::path& file, const Row& row, std::size_t begin,
                std::size_t end) {
  std::ofstream out(file, std::ios::binary);
  for (std::size_t i = begin; i < end; ++i) out << row(i).dump() << '\n';
}

}  // namespace

bool can_make(const std::string& type) { return rows().contains(type); }

void make_sample(const std::string& type, const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  const Row& row = rows().at(type);
  if (type == "probes") return write_rows(folder / "probes.jsonl", row, 0, kTrainRows);
  write_rows(folder / "train-00000.jsonl", row, 0, kTrainRows);
  write_rows(folder / "eval-00000.jsonl", row, kTrainRows, kTrainRows + kEvalRows);
}

Json sample_documents() {
  Json out = Json::array();
  for (std::size_t i = 0; i < texts().size(); ++i)
    out.push_back(
        {{"id", "d" + std::to_string(i)},
         {"text", text(i)},
         {"fields", i % 2 == 0 ? "" : "{\"source\":\"kit\",\"n\":" + std::to_string(i) + "}"}});
  return out;
}

Json sample_exchanges() {
  Json out = Json::array();
  for (std::size_t i = 0; i < texts().size(); ++i)
    out.push_back({{"prompt", user(i).dump()},
                   {"completion", text(i)},
                   {"reference", i % 2 == 0 ? answered(i) : ""},
                   {"truncated", i % 5 == 4 ? 1 : 0}});
  return out;
}

}  // namespace lehr::conformance
