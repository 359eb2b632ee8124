// Document steps and rewards: the same documents and answers in many arrangements must come out the
// same.
#include <lehr/abi.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <numeric>

#include "conformance/dialogue.h"
#include "conformance/kit.h"
#include "conformance/samples.h"
#include "runtime/store/durable_file.h"

namespace lehr::conformance {
namespace {

constexpr const char* kStride = "arrays are walked by their stride";
constexpr const char* kAgain = "the same when asked again";

struct Arrangement {
  const char* promise;  // that its outcome is the first one's
  Json json;
};

std::vector<Arrangement> arrangements(std::size_t items, bool steps) {
  std::vector<std::size_t> order(items);
  std::iota(order.begin(), order.end(), 0);
  const auto one = [&](std::size_t batch, std::size_t threads, std::size_t padding) {
    return Json{{"order", order}, {"batch", batch}, {"threads", threads}, {"padding", padding}};
  };
  // Each differs from the first in one respect. The padding is an element's size, so that one who
  // walks by that size meets the padding, not half of an element.
  const std::size_t padding = steps ? sizeof(lehr_document) : sizeof(lehr_exchange);
  std::vector<Arrangement> out = {{"", one(items, 1, 0)},
                                  {kAgain, one(items, 1, 0)},
                                  {"the same alone and in any batch", one(1, 1, 0)},
                                  {"the same alone and in any batch", one(3, 1, 0)},
                                  {kStride, one(items, 1, padding)}};
  if (steps) out.push_back({"the same for every instance, on two threads", one(items, 2, 0)});
  std::reverse(order.begin(), order.end());
  out.push_back({"the same in any order", one(items, 1, 0)});
  return out;
}

bool valid_reason(const std::string& reason) {
  return !reason.empty() && reason.size() <= 64 &&
         std::islower(static_cast<unsigned char>(reason[0])) &&
         std::all_of(reason.begin(), reason.end(), [](unsigned char c) {
           return std::islower(c) || std::isdigit(c) || c == '_';
         });
}

// The first item whose outcome differs from that in `first`, as text; empty: none.
std::string difference(const Json& first, const Json& other, const Json& items) {
  for (const Json& thread : other.at("outcomes"))
    for (std::size_t i = 0; i < items.size(); ++i) {
      const Json &a = first.at("outcomes").at(0).at(i), &b = thread.at(i);
      if (a == b) continue;
      std::string item =
          items.at(i).contains("text") ? items.at(i)["text"] : items.at(i)["completion"];
      if (item.size() > 60) item.resize(60);
      return Json(item).dump(-1, ' ', false, Json::error_handler_t::replace) + " came out as " +
             a.dump() + " and as " + b.dump();
    }
  return "";
}

std::string verdict_problems(const Json& answer, const Json& items) {
  for (std::size_t i = 0; i < items.size(); ++i) {
    const Json& verdict = answer.at("outcomes").at(0).at(i);
    if (verdict.at("verdict").get<std::uint32_t>() > 2)
      return "verdict " + verdict.at("verdict").dump() + " is none of keep, drop, rewrite";
    if (verdict.contains("reason") && !valid_reason(verdict["reason"]))
      return "the reason '" + verdict["reason"].get<std::string>() +
             "' is not a snake_case name of at most 64 letters; drops are counted by it";
  }
  if (!answer.at("reasons_kept").get<bool>())
    return "a reason has changed before its instance was destroyed; keep it alive as long as that";
  return "";
}

class ItemCheck {
 public:
  ItemCheck(Kit& kit, const char* kind, const Json& item)
      : kit_(kit),
        kind_(kind),
        item_(item),
        name_(title(kit, kind, item)),
        steps_(kind_ == "steps") {}

  void run() {
    items_ = steps_ ? sample_documents() : sample_exchanges();
    const std::vector<Arrangement> plan = arrangements(items_.size(), steps_);
    if (!ask(plan)) return;
    // A promise is broken once, at its first difference; what is not even the same twice says
    // nothing about the others.
    std::map<std::string, std::string> problems;
    std::vector<std::string> promises;
    for (std::size_t i = 1; i < plan.size(); ++i) {
      const auto [at, fresh] = problems.try_emplace(plan[i].promise);
      if (fresh) promises.push_back(plan[i].promise);
      if (!at->second.empty()) continue;
      if (answers_[i].contains("error"))
        at->second = answers_[i]["error"].get<std::string>() + ", though all went well at first";
      else if (std::string d = difference(answers_[0], answers_[i], items_); !d.empty())
        at->second = d + ".\nThe outcome may depend on that item and the parameters alone";
    }
    for (const std::string& promise : promises)
      if (promise != kAgain && !problems[kAgain].empty())
        kit_.report.not_applicable(name_, promise, "it is not even the same when asked again");
      else
        kit_.report.judge(name_, promise, problems[promise]);
    steps_ ? judge_verdicts() : judge_scores();
  }

 private:
  bool ask(const std::vector<Arrangement>& plan) {
    Json request = {{"plugin", kit_.plugin.path.string()},
                    {"kind", kind_},
                    {"name", item_.at("name")},
                    {"parameters", chosen_parameters(kit_, item_)},
                    {"items", items_},
                    {"arrangements", Json::array()}};
    for (const Arrangement& a : plan) request["arrangements"].push_back(a.json);
    const auto file = kit_.scratch / "exercise.json";
    runtime::write_file_atomically(file, request.dump());
    runtime::StageProcess process(kit_.host, "--exercise", file);
    std::string failure;
    const Dialogue heard = hear(process, kit_.patience, [&](const Json& event) {
      if (event["event"] == "answer") answers_.push_back(event);
      if (event["event"] == "failed") failure = event.value("message", "");
      return true;
    });
    const char* check = steps_ ? "judges documents" : "scores answers";
    if (!heard.in_time)
      failure = "it did not answer within " + std::to_string(kit_.patience.count() / 1000) + " s";
    else if (failure.empty() && answers_.size() < plan.size())
      failure = "its process " + heard.ending.text() + " while it was called";
    if (!failure.empty() && !answers_.empty() && answers_.size() < plan.size())
      check = plan[answers_.size()].promise;  // all went well before
    if (failure.empty() && answers_[0].contains("error")) failure = answers_[0]["error"];
    if (failure.find("depends on the order of documents") != std::string::npos) {
      kit_.report.not_applicable(name_, check, failure);
      return false;
    }
    const std::string refused = "it could not be created: ";
    if (failure.starts_with(refused) && failure.find("crossed") == std::string::npos) {
      kit_.report.not_applicable(name_, check,
                                 "it refuses the parameters tried (" +
                                     failure.substr(refused.size()) +
                                     "); give it others with --with");
      return false;
    }
    kit_.report.judge(name_, check, failure);
    return failure.empty();
  }

  void judge_verdicts() {
    bool touched = false;
    for (const Json& answer : answers_) touched = touched || answer.value("touched", false);
    kit_.report.judge(name_, "leaves documents as they are",
                      touched
                          ? "it has written into a document's id, text or fields. Copy the text "
                            "and give the copy with the verdict rewrite"
                          : "");
    std::string problem;
    for (const Json& answer : answers_)
      if (problem.empty() && !answer.contains("error")) problem = verdict_problems(answer, items_);
    kit_.report.judge(name_, "verdicts and reasons are valid", problem);
  }

  void judge_scores() {
    std::string problem;
    const Json& scores = answers_[0].at("outcomes").at(0);
    for (std::size_t i = 0; i < scores.size() && problem.empty(); ++i)
      if (!scores[i].is_number())
        problem = "the answer " + items_.at(i)["completion"].dump().substr(0, 60) +
                  " got a score that is not a finite number";
    kit_.report.judge(name_, "scores are finite numbers", problem);
  }

  Kit& kit_;
  const std::string kind_;
  const Json& item_;
  const std::string name_;
  const bool steps_;
  Json items_;
  std::vector<Json> answers_;
};

}  // namespace

void check_items(Kit& kit) {
  for (const char* kind : {"steps", "rewards"})
    for (const Json& item : kit.plugin.description.value(kind, Json::array()))
      ItemCheck(kit, kind, item).run();
}

}  // namespace lehr::conformance
