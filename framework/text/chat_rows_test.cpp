#include "text/chat_rows.h"

#include <gtest/gtest.h>
#include <lehr/value.h>

#include <fstream>

namespace lehr::text {
namespace {

template <class Row>
std::string failure(std::string_view json) {
  try {
    Row row;
    parse_row(json, "data.jsonl:7", row);
  } catch (const Error& e) {
    return e.what();
  }
  return "";
}

template <class Row>
std::string again(std::string_view json) {
  Row row;
  parse_row(json, "here", row);
  return to_json(row);
}

TEST(ChatRows, AreWrittenAsTheyWereRead) {
  const std::string user = R"([{"role":"user","content":"a \"b\"\n"}])";
  const std::string answer = R"([{"role":"assistant","content":"c"}])";
  const std::string conversation =
      R"({"messages":[{"role":"system","content":""},{"role":"assistant","content":"é"}]})";
  EXPECT_EQ(again<Conversation>(conversation), conversation);
  const std::string preference = R"({"prompt":)" + user + R"(,"chosen":)" + answer +
                                 R"(,"rejected":)" + answer + R"(,"margin":0.5,"source":"s"})";
  EXPECT_EQ(again<Preference>(preference), preference);
  const std::string feedback =
      R"({"prompt":)" + user + R"(,"completion":)" + answer + R"(,"label":false})";
  EXPECT_EQ(again<Feedback>(feedback), feedback);
  const std::string prompt = R"({"prompt":)" + user + R"(,"reference":"r","unknowable":true})";
  EXPECT_EQ(again<Prompt>(prompt), prompt);
  const std::string probe = R"({"id":"1","kind":"answer","prompt":)" + user +
                            R"(,"answers":["x"],"choices":["x","y"],"topic":"t"})";
  EXPECT_EQ(again<Probe>(probe), probe);
  const std::string next = R"({"id":"2","kind":"next","text":"The","answers":["end"]})";
  EXPECT_EQ(again<Probe>(next), next);
}

TEST(ChatRows, NameThePlaceAndTheRuleThatIsBroken) {
  EXPECT_EQ(failure<Conversation>(R"({"messages":[{"role":"user","content":"a"}]})"),
            "data.jsonl:7: 'messages' has no message of the assistant, so there is nothing to "
            "learn");
  EXPECT_EQ(failure<Conversation>(R"({"messages":[{"role":"usr","content":"a"}]})"),
            "data.jsonl:7: 'messages[0]' has the role 'usr'; known are system, user, assistant, "
            "tool");
  EXPECT_EQ(failure<Conversation>(R"({"messages":[]})"),
            "data.jsonl:7: 'messages' has no messages");
  EXPECT_EQ(
      failure<Conversation>(R"({"text":"a"})"),
      "data.jsonl:7: there is no member 'messages'; a row is {\"messages\": [{\"role\": \"user\", "
      "\"content\": TEXT}, {\"role\": \"assistant\", \"content\": TEXT}]}");
  EXPECT_EQ(failure<Conversation>(R"({"messages":[{"from":"human","value":"a"}]})"),
            "data.jsonl:7: 'messages[0]' has no string 'role'; ShareGPT's 'from' and 'value' are "
            "'role' and 'content', its human is user, its gpt assistant");
  EXPECT_EQ(failure<Prompt>(R"({"prompt":"a"})"),
            "data.jsonl:7: 'prompt' is not a list of messages: write the text as [{\"role\": "
            "\"user\", \"content\": TEXT}]");
  EXPECT_EQ(failure<Feedback>(R"({"prompt":[{"role":"user","content":"a"}],"completion":"b"})"),
            "data.jsonl:7: 'completion' is not a list of messages: write the text as [{\"role\": "
            "\"assistant\", \"content\": TEXT}]");
  EXPECT_EQ(failure<Prompt>(R"({"prompt":{}})"),
            "data.jsonl:7: 'prompt' is not a list of messages {\"role\", \"content\"}");
  EXPECT_EQ(failure<Prompt>(R"({"prompt":[{"role":"assistant","content":"a"}]})"),
            "data.jsonl:7: 'prompt' ends with the assistant, so there is nothing to answer");
  EXPECT_EQ(failure<Prompt>(R"({"prompt":[{"role":"user","content":1}]})"),
            "data.jsonl:7: 'prompt[0]' has no string 'content'");
  EXPECT_EQ(failure<Probe>(R"({"id":"1","kind":"maybe"})"),
            "data.jsonl:7: 'kind' is 'maybe'; known are answer, unknowable, next");
  const std::string asked = R"({"role":"user","content":"a"})";
  const std::string whole = "[" + asked + R"(,{"role":"assistant","content":"b"}])";
  EXPECT_EQ(failure<Preference>(R"({"prompt":[)" + asked + R"(],"chosen":)" + whole +
                                R"(,"rejected":)" + whole + "}"),
            "data.jsonl:7: 'chosen' begins with the messages of 'prompt': leave them out, it "
            "follows them");
  EXPECT_EQ(failure<Conversation>("[{}]"),
            "data.jsonl:7: the line is not a JSON object; rows are objects, one a line: `jq -c "
            "'.[]'` makes them of a list");
  EXPECT_TRUE(failure<Conversation>("[").ends_with("`jq -c '.[]'` makes them of a list"));
  EXPECT_NE(failure<Prompt>("{\"prompt\":").find("data.jsonl:7: malformed JSON: "),
            std::string::npos);
}

TEST(ChatRows, AreReadFromAnArtifactWithTheirLines) {
  const auto folder = std::filesystem::path(testing::TempDir()) / "lehr_chat_rows";
  std::filesystem::create_directories(folder);
  {
    JsonLinesWriter writer(folder / "train-00000.jsonl");
    writer.write(R"({"prompt":[{"role":"user","content":"1"}]})");
    writer.write("");
    writer.write(R"({"prompt":[{"role":"user","content":"2"}]})");
    writer.close();
  }
  const auto rows = read_rows<Prompt>(folder, "train");
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[1].prompt, (Messages{{"user", "2"}}));
  RowReader<Prompt> reader(data_files(folder, "train"));
  Prompt row;
  ASSERT_TRUE(reader.next(row) && reader.next(row));
  EXPECT_TRUE(reader.where().ends_with("train-00000.jsonl:3"));
  EXPECT_TRUE(read_rows<Prompt>(folder, "eval").empty());
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace lehr::text
