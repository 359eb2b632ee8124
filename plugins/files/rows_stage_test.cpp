#include "rows_stage.h"

#include <gtest/gtest.h>

#include <fstream>
#include <optional>

#include "documents_stage.h"
#include "text/document_summary.h"
#include "text/documents.h"
#include "text/fake_host.h"

namespace lehr::plugins::files {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using text::FakeHost;

constexpr const char* kGood = R"({"prompt":[{"role":"user","content":"one?"}],"reference":"one"})"
                              "\n";

class RowsStages : public testing::Test {
 protected:
  RowsStages() {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    folder_ = fs::path(testing::TempDir()) / (std::string("lehr_rows_") + test->name());
    fs::remove_all(folder_);
    fs::create_directories(folder_ / "rows");
  }
  ~RowsStages() override { fs::remove_all(folder_); }
  std::string put(const std::string& name, const std::string& text) {
    std::ofstream(folder_ / "rows" / name) << text;
    return (folder_ / "rows" / name).string();
  }
  template <class T>
  lehr_status run(FakeHost& host) {
    return host.run(detail::stage_table<T>(borrow("stage")));
  }
  static bool said(const FakeHost& host, const std::string& part) {
    for (const std::string& message : host.messages)
      if (message.find(part) != message.npos) return true;
    return false;
  }
  fs::path folder_;
};

TEST_F(RowsStages, LeaveExamplesOfTheRowsThatTheyDrop) {
  const std::string file =
      put("a.jsonl", std::string(kGood) + "\n{\"prompt\":[]}\nno row\n" + kGood);
  FakeHost host(folder_, {}, {{"train", {file}}, {"malformed", "drop"}}, 1);
  ASSERT_EQ(run<Prompts>(host), LEHR_OK) << host.failure;
  EXPECT_EQ(host.results.at("rows_train"), 2);
  EXPECT_EQ(host.results.at("dropped/malformed"), 2);
  const auto summary = text::DocumentSummary::find(host.output());
  ASSERT_TRUE(summary.has_value());
  EXPECT_EQ(summary->documents_in(), 4u);
  EXPECT_EQ(summary->documents_out(), 2u);
  const auto& drops = summary->drops().at("malformed");
  ASSERT_EQ(drops.examples.size(), 2u);
  EXPECT_EQ(drops.examples[0].id, "a.jsonl:3");
  EXPECT_EQ(drops.examples[0].text, "'prompt' has no messages");
  EXPECT_EQ(drops.examples[1].id, "a.jsonl:4");
  EXPECT_EQ(drops.examples[1].text.find("malformed JSON: "), 0u);
  EXPECT_TRUE(said(host, "a.jsonl:3: \"'prompt' has no messages\""));
}

TEST_F(RowsStages, CountNoDropsWhereThereAreNone) {
  FakeHost host(folder_, {}, {{"train", {put("a.jsonl", kGood)}}, {"malformed", "drop"}}, 1);
  ASSERT_EQ(run<Prompts>(host), LEHR_OK) << host.failure;
  EXPECT_EQ(host.results.at("dropped/malformed"), 0);
  EXPECT_TRUE(text::DocumentSummary::find(host.output())->drops().empty());
}

TEST_F(RowsStages, SayWhyNoRowIsLeft) {
  FakeHost host(folder_, {}, {{"train", {put("a.jsonl", "[]\n")}}, {"malformed", "drop"}}, 1);
  EXPECT_NE(run<Prompts>(host), LEHR_OK);
  EXPECT_NE(host.failure.find("there is no valid row in '"), std::string::npos);
  EXPECT_NE(host.failure.find("a.jsonl'"), std::string::npos);
  EXPECT_TRUE(said(host, "a.jsonl:1: \"the line is not a JSON object; rows are objects"));
}

TEST_F(RowsStages, AndDocumentsNameTheFilesInWhichThereIsNone) {
  const std::string empty = put("a.jsonl", ""), blank = put("b.jsonl", "\n\n");
  FakeHost documents(folder_ / "d", {}, {{"train", {empty}}, {"eval", {blank}}}, 1);
  EXPECT_NE(run<Documents>(documents), LEHR_OK);
  EXPECT_EQ(documents.failure, "there is no document in '" + empty + "' and 1 more file");
  FakeHost probes(folder_ / "p", {}, {{"paths", {blank}}}, 1);
  EXPECT_NE(run<Probes>(probes), LEHR_OK);
  EXPECT_EQ(probes.failure, "there is no probe in '" + blank + "'");
}

TEST_F(RowsStages, AndDocumentsRefuseFilesOfAnotherFormWhenPlanned) {
  const json other = {{"train", {put("a.jsonl", kGood), put("a.json", kGood)}}};
  const json table = {{"train", {put("a.csv", "text\nx\n")}}};
  const auto plan = [](auto stage, const json& parameters) {
    const text::ValueTree tree(parameters);
    lehr::detail::bind<typename decltype(stage)::type>(tree.root());
  };
  EXPECT_THROW(plan(std::type_identity<Documents>(), other), Error);
  EXPECT_THROW(plan(std::type_identity<Prompts>(), other), Error);
  EXPECT_THROW(plan(std::type_identity<Prompts>(), table), Error);
  EXPECT_NO_THROW(plan(std::type_identity<Documents>(), table));
}

TEST_F(RowsStages, AndDocumentsSayWhyAllAreDropped) {
  const std::string file = put("a.jsonl", "[]\n");
  FakeHost host(folder_, {}, {{"train", {file}}, {"malformed", "drop"}}, 1);
  EXPECT_NE(run<Documents>(host), LEHR_OK);
  EXPECT_EQ(host.failure,
            "there is no document in '" + file + "': all were dropped; see the reasons above");
  EXPECT_TRUE(said(host, "dropped 1 as malformed"));
}

TEST_F(RowsStages, AndDocumentsWarnWhereNothingIsHeldOut) {
  const json parameters = {{"train", {put("a.jsonl", kGood)}}, {"eval_fraction", 0.001}};
  FakeHost prompts(folder_ / "p", {}, parameters, 1);
  ASSERT_EQ(run<Prompts>(prompts), LEHR_OK) << prompts.failure;
  EXPECT_EQ(prompts.results.at("rows_eval"), 0);
  EXPECT_TRUE(said(prompts, "no row is held out"));
  json with_field = parameters;
  with_field["text_field"] = "reference";
  FakeHost documents(folder_ / "d", {}, with_field, 1);
  ASSERT_EQ(run<Documents>(documents), LEHR_OK) << documents.failure;
  EXPECT_TRUE(said(documents, "no document is held out"));
  with_field["eval_fraction"] = 1;
  FakeHost all(folder_ / "e", {}, with_field, 1);
  ASSERT_EQ(run<Documents>(all), LEHR_OK) << all.failure;
  EXPECT_FALSE(said(all, "held out"));
}

TEST_F(RowsStages, AndDocumentsWarnOfFilesInBothSplits) {
  const std::string file = put("a.jsonl", kGood), all = (folder_ / "rows").string();
  const std::string warning = "eval: '" + file + "' is in 'train' too";
  FakeHost prompts(folder_ / "p", {}, {{"train", {all}}, {"eval", {file}}}, 1);
  ASSERT_EQ(run<Prompts>(prompts), LEHR_OK) << prompts.failure;
  EXPECT_TRUE(said(prompts, warning));
  FakeHost documents(folder_ / "d", {},
                     {{"train", {all}}, {"eval", {file}}, {"text_field", "reference"}}, 1);
  ASSERT_EQ(run<Documents>(documents), LEHR_OK) << documents.failure;
  EXPECT_TRUE(said(documents, warning));
}

TEST_F(RowsStages, TakeNoAnswerOverItself) {
  const std::string same = R"([{"role":"assistant","content":"b"}])";
  const std::string file = put("a.jsonl", R"({"prompt":[{"role":"user","content":"a"}],"chosen":)" +
                                              same + R"(,"rejected":)" + same + "}\n");
  FakeHost host(folder_, {}, {{"train", {file}}}, 1);
  EXPECT_NE(run<Preferences>(host), LEHR_OK);
  EXPECT_NE(host.failure.find("a.jsonl:1: 'chosen' and 'rejected' are the same"), std::string::npos)
      << host.failure;
}

TEST_F(RowsStages, AndDocumentsWarnOfFilesThatTheyPassOver) {
  put("a.jsonl", std::string(kGood));
  put("b.md", "text");
  const std::string rows = (folder_ / "rows").string();
  FakeHost prompts(folder_ / "p", {}, {{"train", {rows}}}, 1);
  ASSERT_EQ(run<Prompts>(prompts), LEHR_OK) << prompts.failure;
  EXPECT_TRUE(said(prompts, "train: 1 file of '" + rows + "' is passed over: b.md"));
  FakeHost documents(folder_ / "d", {}, {{"eval", {rows}}, {"text_field", "reference"}}, 1);
  ASSERT_EQ(run<Documents>(documents), LEHR_OK) << documents.failure;
  EXPECT_TRUE(said(documents, "eval: 1 file of '" + rows + "' is passed over: b.md"));
}

TEST(DocumentsStage, AllowsNoLongerDocumentsThanLaterStagesRead) {
  Description description;
  Documents().describe(description);
  const auto described = json::parse(description.json("stage", false));
  double most = 0;
  for (const auto& parameter : described.at("parameters"))
    if (parameter.at("name") == "max_document_bytes") most = parameter.at("max");
  EXPECT_EQ(most, static_cast<double>(text::kMaxDocumentBytes));
}

template <class Rows>
std::optional<text::RowCounts> told(const std::string& output, const json& parameters) {
  const text::ValueTree values(parameters);
  Estimate estimate;
  detail::bind<Rows>(values.root())->estimate({}, estimate);
  const auto found = estimate.outputs.find(output);
  if (found == estimate.outputs.end()) return {};
  return text::RowCounts::told(found->second);
}
std::optional<text::RowCounts> told_of_conversations(const json& parameters) {
  return told<Conversations>("conversations", parameters);
}

constexpr const char* kTalk =
    R"({"messages":[{"role":"user","content":"1?"},{"role":"assistant","content":"one"}]})"
    "\n";

TEST_F(RowsStages, TellHowMuchThereWillBeToTrainOn) {
  const std::string file = put("a.jsonl", std::string(kTalk) + "no row\n" + kTalk + kTalk);
  const auto all = told_of_conversations({{"train", {file}}});
  ASSERT_TRUE(all);
  EXPECT_EQ(all->rows, 3);
  EXPECT_EQ(all->messages, 6);
  EXPECT_EQ(all->bytes, 3 * (4 + 2 + 9 + 3));
  const auto none = told_of_conversations({{"train", {file}}, {"eval_fraction", 1.0}});
  ASSERT_TRUE(none);
  EXPECT_EQ(none->rows, 0);
  const std::string judged =
      put("b.jsonl", R"({"prompt":[{"role":"user","content":"1?"}],"completion":)"
                     R"([{"role":"assistant","content":"one"}],"label":true})"
                     "\n");
  const auto feedback = told<Feedback>("feedback", {{"train", {judged}}});
  ASSERT_TRUE(feedback);
  EXPECT_EQ(feedback->rows, 1);
  EXPECT_EQ(feedback->bytes, 4 + 2 + 9 + 3);
}

std::string written(const FakeHost& host) {
  std::ifstream file(host.output() / "train-00000.jsonl");
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST_F(RowsStages, WriteTheRowsOfOthersAsOursAndOursAsTheyStand) {
  const std::string ours = R"({"n": 1.50, )" + std::string(kTalk).substr(1);
  const std::string theirs =
      R"({"conversations": [{"from": "human", "value": "1?"}, {"from": "gpt", "value": "one"}], "n": 2.50})"
      "\n"
      R"({"instruction": "1?", "output": "one"})"
      "\n";
  FakeHost host(folder_, {}, {{"train", {put("a.jsonl", ours + theirs)}}}, 1);
  ASSERT_EQ(run<Conversations>(host), LEHR_OK) << host.failure;
  std::string talk(kTalk);
  EXPECT_EQ(written(host), ours + talk.substr(0, talk.size() - 2) + R"(,"n": 2.50})" + "\n" + talk);
  EXPECT_TRUE(said(host, "2 of 3 rows have another form"));
}

TEST_F(RowsStages, RefusePreferencesThatDoNotDifferInAnyForm) {
  const std::string file = put("a.jsonl", R"({"prompt":"a","chosen":"b","rejected":"b"})");
  FakeHost host(folder_, {}, {{"train", {file}}}, 1);
  EXPECT_NE(run<Preferences>(host), LEHR_OK);
  EXPECT_NE(host.failure.find("a.jsonl:1: 'chosen' and 'rejected' are the same"), std::string::npos)
      << host.failure;
}

TEST_F(RowsStages, TellOfLargeFilesFromTheirBeginning) {
  std::string text;
  const double rows = 250'000;  // 20 MB
  for (int i = 0; i < rows; ++i) text += kTalk;
  const auto told = told_of_conversations({{"train", {put("a.jsonl", text)}}});
  ASSERT_TRUE(told);
  EXPECT_NEAR(told->rows, rows, 1);
  // How much a compressed file holds beyond what was looked at is not known.
  EXPECT_FALSE(told_of_conversations({{"train", {put("a.jsonl", text), put("b.jsonl.gz", "")}}}));
}

}  // namespace
}  // namespace lehr::plugins::files
