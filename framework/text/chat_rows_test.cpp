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

TEST(ChatRows, JoinTheTextPartsOfAContent) {
  Prompt row;
  EXPECT_FALSE(parse_row(R"({"prompt":[{"role":"user","content":[{"type":"text","text":"a "},)"
                         R"({"type":"text","text":"b"}]}]})",
                         "data.jsonl:7", row));
  EXPECT_EQ(row.prompt, (Messages{{"user", "a b"}}));
  EXPECT_EQ(
      failure<Prompt>(R"({"prompt":[{"role":"user","content":[{"type":"image","url":"a.png"}]}]})"),
      "data.jsonl:7: 'prompt[0]' has a content with other parts than {\"type\": \"text\", "
      "\"text\"}: a language model learns from text alone");
}

TEST(ChatRows, NameThePlaceAndTheRuleThatIsBroken) {
  EXPECT_EQ(failure<Conversation>(R"({"messages":[{"role":"user","content":"a"}]})"),
            "data.jsonl:7: there is no message of the assistant, so there is nothing to learn");
  // Alpaca has such rows.
  for (const char* nothing :
       {R"({"messages":[{"role":"user","content":"a"},{"role":"assistant","content":" \n"}]})",
        R"({"prompt":"a","completion":""})", R"({"instruction":"a","input":"b","output":""})",
        R"({"messages":[{"role":"assistant","content":"a","weight":0},)"
        R"({"role":"assistant","content":""}]})"})
    EXPECT_EQ(failure<Conversation>(nothing),
              "data.jsonl:7: the assistant's messages are empty, so there is nothing to learn but "
              "to say nothing")
        << nothing;
  EXPECT_EQ(failure<Conversation>(R"({"messages":[{"role":"usr","content":"a"}]})"),
            "data.jsonl:7: 'messages[0]' has the role 'usr'; known are system, user, assistant, "
            "tool");
  EXPECT_EQ(failure<Conversation>(R"({"messages":[]})"),
            "data.jsonl:7: 'messages' has no messages");
  EXPECT_EQ(failure<Conversation>(
                R"({"messages":[{"from":"human","value":"a"},{"from":"gpt4","value":"b"}]})"),
            "data.jsonl:7: 'messages[1]' is from 'gpt4'; known are system, human, user, gpt, "
            "assistant, tool, observation");
  EXPECT_EQ(failure<Prompt>(R"({"prompt":{}})"),
            "data.jsonl:7: 'prompt' is not a list of messages {\"role\", \"content\"}");
  EXPECT_EQ(failure<Prompt>(R"({"prompt":[{"role":"assistant","content":"a"}]})"),
            "data.jsonl:7: 'prompt' ends with the assistant, so there is nothing to answer");
  EXPECT_EQ(failure<Prompt>(R"({"prompt":[{"role":"user","content":1}]})"),
            "data.jsonl:7: 'prompt[0]' has no string 'content'");
  EXPECT_EQ(failure<Probe>(R"({"id":"1","kind":"maybe"})"),
            "data.jsonl:7: 'kind' is 'maybe'; known are answer, unknowable, next");
  const std::string probe = R"({"id":"1","kind":"next","text":"a","answers":["q"],"choices":)";
  EXPECT_EQ(failure<Probe>(probe + R"(["a","b"]})"),
            "data.jsonl:7: none of 'choices' is one of 'answers', so none could be right");
  EXPECT_EQ(failure<Probe>(probe + R"(["q"]})"),
            "data.jsonl:7: all of 'choices' are among 'answers', so none could be wrong");
  EXPECT_EQ(failure<Probe>(R"({"id":"1","kind":"unknowable","prompt":"a","choices":["b","c"]})"),
            "data.jsonl:7: none of 'choices' is one of 'answers', so none could be right");
  EXPECT_EQ(failure<Conversation>("[{}]"),
            "data.jsonl:7: the line is not a JSON object; rows are objects, one a line: `jq -c "
            "'.[]'` makes them of a list");
  EXPECT_TRUE(failure<Conversation>("[").ends_with("`jq -c '.[]'` makes them of a list"));
  EXPECT_NE(failure<Prompt>("{\"prompt\":").find("data.jsonl:7: malformed JSON: "),
            std::string::npos);
}

TEST(ChatRows, NameTheKnownFormsWhereARowHasNoneOrTwo) {
  const std::string unknown = failure<Conversation>(R"({"text":"a"})");
  EXPECT_TRUE(unknown.starts_with("data.jsonl:7: the row has no known form; a row is ")) << unknown;
  for (const char* form : {"messages", "completion", "ShareGPT", "Alpaca"})
    EXPECT_NE(unknown.find(form), std::string::npos) << form;
  const std::string two =
      failure<Conversation>(R"({"prompt":"a","completion":"b","instruction":"a","output":"b"})");
  EXPECT_TRUE(
      two.starts_with("data.jsonl:7: the row has 'prompt' with 'completion' and "
                      "'instruction' with 'output', so it could be read in two ways"))
      << two;
  EXPECT_NE(
      failure<Preference>(R"({"prompt":"a","chosen":"b"})").find("no member 'rejected'; a row"),
      std::string::npos);
}

// The row of others, and what it is among ours.
template <class Row>
std::string rewritten(std::string_view json) {
  Row row;
  EXPECT_FALSE(parse_row(json, "here", row)) << json;
  const std::string own = own_row(row, json);
  Row again;
  EXPECT_TRUE(parse_row(own, "here", again)) << own;
  return own;
}

const std::string kAsked = R"([{"role":"user","content":"a"}])";
const std::string kAnswered = R"([{"role":"assistant","content":"b"}])";
const std::string kBoth = R"([{"role":"user","content":"a"},{"role":"assistant","content":"b"}])";

TEST(ChatRows, TakeTheConversationsOfOthers) {
  const std::string ours = "{\"messages\":" + kBoth + "}";
  for (const std::string& row :
       {std::string(R"({"prompt":"a","completion":"b"})"),
        "{\"prompt\":" + kAsked + ",\"completion\":" + kAnswered + "}",
        std::string(
            R"({"conversations":[{"from":"human","value":"a"},{"from":"gpt","value":"b"}]})"),
        "{\"conversations\":" + kBoth + "}", std::string(R"({"instruction":"a","output":"b"})"),
        std::string(R"({"instruction":"a","input":"","output":"b","system":null,"history":[]})")})
    EXPECT_EQ(rewritten<Conversation>(row), ours) << row;
  EXPECT_EQ(
      rewritten<Conversation>(
          R"({"instruction":"a","input":"i","output":"b","system":"s","history":[["q","r"]]})"),
      R"({"messages":[{"role":"system","content":"s"},{"role":"user","content":"q"},)"
      R"({"role":"assistant","content":"r"},{"role":"user","content":"a\ni"},)"
      R"({"role":"assistant","content":"b"}]})");
  EXPECT_EQ(rewritten<Conversation>(
                R"({"id": 1e400, "conversations":[{"from":"human","value":"a"},)"
                R"({"from":"gpt","value":"b"}], "system":"s", "tags": ["x", {"y": 1}]})"),
            R"({"messages":[{"role":"system","content":"s"},{"role":"user","content":"a"},)"
            R"({"role":"assistant","content":"b"}],"id": 1e400,"tags": ["x", {"y": 1}]})");
  EXPECT_NE(
      failure<Conversation>(R"({"system":"s","conversations":[{"from":"system","value":"t"}]})")
          .find("beside a message of the system"),
      std::string::npos);
  // What more there is beside our own form does not matter.
  Conversation row;
  EXPECT_TRUE(parse_row("{\"prompt\":\"a\",\"messages\":" + kBoth + "}", "here", row));
}

TEST(ChatRows, TakeThePreferencesOfOthers) {
  const std::string answers =
      R"(,"chosen":)" + kAnswered + R"(,"rejected":[{"role":"assistant","content":"c"}]})";
  const std::string ours = "{\"prompt\":" + kAsked + answers;
  const std::string other = R"([{"role":"user","content":"a"},{"role":"assistant","content":"c"}])";
  const std::string whole = R"("chosen":)" + kBoth + R"(,"rejected":)" + other + "}";
  for (const std::string& row :
       {std::string(R"({"prompt":"a","chosen":"b","rejected":"c"})"), "{\"prompt\":\"a\"" + answers,
        "{" + whole, "{\"prompt\":\"a\"," + whole, "{\"prompt\":" + kAsked + "," + whole,
        std::string(R"({"chosen":"\n\nHuman: a\n\nAssistant: b",)"
                    R"("rejected":"\n\nHuman: a\n\nAssistant: c"})")})
    EXPECT_EQ(rewritten<Preference>(row), ours) << row;
  // Texts part where they differ, within no character; a blank goes to the answers.
  EXPECT_EQ(rewritten<Preference>(R"({"chosen":"It is é.","rejected":"It is è.","id":1})"),
            R"({"prompt":[{"role":"user","content":"It is"}],)"
            R"("chosen":[{"role":"assistant","content":" é."}],)"
            R"("rejected":[{"role":"assistant","content":" è."}],"id":1})");
  // A later question of the user belongs to the answer that led to it.
  Preference row;
  EXPECT_FALSE(
      parse_row(R"({"chosen":[{"role":"user","content":"a"},{"role":"assistant","content":"b"},)"
                R"({"role":"user","content":"q"},{"role":"assistant","content":"r"}],)"
                R"("rejected":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]})",
                "here", row));
  EXPECT_EQ(row.prompt, (Messages{{"user", "a"}}));
  EXPECT_EQ(row.chosen.size(), 3u);
  EXPECT_EQ(row.rejected, (Messages{{"assistant", "b"}}));
  EXPECT_NE(failure<Preference>(R"({"chosen":"b","rejected":"c"})").find("the same text"),
            std::string::npos);
  EXPECT_NE(failure<Preference>("{\"chosen\":" + kAnswered + ",\"rejected\":" + kAnswered + "}")
                .find("the same prompt"),
            std::string::npos);
}

TEST(ChatRows, TakeTextsForMessages) {
  EXPECT_EQ(rewritten<Feedback>(R"({"prompt":"a","completion":"b","label":true})"),
            "{\"prompt\":" + kAsked + ",\"completion\":" + kAnswered + ",\"label\":true}");
  EXPECT_EQ(rewritten<Prompt>(R"({"prompt":"a"})"), "{\"prompt\":" + kAsked + "}");
}

TEST(ChatRows, RefusesCallsOfToolsWhichWouldNotBeLearnt) {
  const auto row = [](const char* answer, const char* more) {
    return R"({"messages":[{"role":"user","content":"a"},{"role":"assistant",)" +
           std::string(answer) + "}]" + more + "}";
  };
  const std::string refused =
      "data.jsonl:7: 'messages[1]' has 'tool_calls', which would not be learnt: write the call "
      "into the content";
  for (const char* content : {"null", "\"\"", "\"b\""})
    EXPECT_EQ(
        failure<Conversation>(
            row((R"("content":)" + std::string(content) + R"(,"tool_calls":[{"id":"1"}])").c_str(),
                "")),
        refused);
  EXPECT_EQ(failure<Conversation>(row(R"("content":"b")", R"(,"tools":[{"type":"function"}])")),
            "data.jsonl:7: there are 'tools', which no chat template here shows a model: leave "
            "them out");
  for (const char* none : {"null", "[]", "\"\""}) {
    const std::string calls = R"("content":"b","tool_calls":)" + std::string(none);
    const std::string tools = R"(,"tools":)" + std::string(none);
    EXPECT_EQ(failure<Conversation>(row(calls.c_str(), tools.c_str())), "");
  }
}

TEST(ChatRows, KeepWhatIsNotToBeLearnt) {
  const auto turns = [](const char* first, const char* second) {
    return std::string(R"({"messages":[{"role":"user","content":"a"},)") +
           R"({"role":"assistant","content":"b")" + first +
           R"(},{"role":"assistant","content":"c")" + second + "}]}";
  };
  const std::string skipped = turns(R"(,"weight":0)", "");
  EXPECT_EQ(again<Conversation>(skipped), skipped);
  EXPECT_EQ(again<Conversation>(turns(R"(,"weight":0.0)", R"(,"weight":1)")), skipped);
  Conversation row;
  parse_row(skipped, "here", row);
  EXPECT_TRUE(row.messages[0].trained && !row.messages[1].trained && row.messages[2].trained);
  EXPECT_EQ(
      failure<Conversation>(turns(R"(,"weight":0)", R"(,"weight":0)")),
      "data.jsonl:7: all the assistant's messages have weight 0, so there is nothing to learn");
  EXPECT_EQ(failure<Conversation>(turns(R"(,"weight":0.5)", "")),
            "data.jsonl:7: 'messages[1]' has a 'weight' that is neither 0 nor 1");
  EXPECT_NE(failure<Conversation>(R"({"messages":[{"role":"user","content":"a","weight":1}]})")
                .find("only what the assistant says"),
            std::string::npos);
  EXPECT_NE(failure<Feedback>(
                R"({"prompt":"a","completion":[{"role":"assistant","content":"b","weight":0}]})")
                .find("only a conversation"),
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
