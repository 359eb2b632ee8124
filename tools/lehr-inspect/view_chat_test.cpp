#include <gtest/gtest.h>

#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "lm/byte_model_test.h"
#include "lm/gguf_model.h"
#include "lm/model_folder.h"
#include "speech.h"
#include "text/chat.h"
#include "text/chat_format.h"
#include "views.h"

namespace lehr::inspect {
namespace {

OpenedModel byte_chat(std::int64_t context) {
  text::Tokenizer tokenizer = lm::byte_tokenizer();
  lm::ModelConfig config = lm::byte_model(tokenizer, context);
  config.initializer_range = 0.4;  // decided logits: no ties within rounding
  lm::Model model = lm::Model::create(config, 3, lm::Precision::kFp32);
  return {std::move(model), std::move(tokenizer), {}};
}

// A model that has learnt nothing says bytes that are no text.
std::string in_json(const std::string& text) {
  const auto replace = nlohmann::json::error_handler_t::replace;
  return nlohmann::json::parse(nlohmann::json(text).dump(-1, ' ', false, replace));
}

struct Held {
  std::vector<nlohmann::json> turns;
  std::string told;
};

Held hold(const Request& request, const OpenedModel& opened, const std::string& input) {
  std::istringstream lines(input);
  std::streambuf* const before = std::cin.rdbuf(lines.rdbuf());
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  std::exception_ptr thrown;
  try {
    show_chat(request, opened);
  } catch (...) {
    thrown = std::current_exception();
  }
  std::istringstream out(testing::internal::GetCapturedStdout());
  std::cin.rdbuf(before);
  Held held{{}, testing::internal::GetCapturedStderr()};
  if (thrown) std::rethrow_exception(thrown);
  for (std::string line; std::getline(out, line);)
    held.turns.push_back(nlohmann::json::parse(line));
  return held;
}

Request conversation(std::int64_t most) {
  Request request;
  request.chat = request.json = true;
  request.system = "Be brief.";
  request.generation.max_new_tokens = most;
  return request;
}

TEST(Chat, AsksWithAllThatWasSaidInTheTemplateOfTraining) {
  const OpenedModel opened = byte_chat(400);
  const Request request = conversation(6);
  const Held held = hold(request, opened, "one, which is the longest of them\n\ntwo\nthree");
  ASSERT_EQ(held.turns.size(), 3u) << "an empty line is no turn";
  text::Messages messages = {{"system", "Be brief."}};
  text::Tokenizer::Cache cache;
  for (std::size_t turn = 0; turn < 3; ++turn) {
    const nlohmann::json& said = held.turns[turn];
    messages.push_back({"user", said.at("user")});
    const auto prompt = text::render_prompt(opened.tokenizer, messages, cache);
    EXPECT_EQ(said.at("tokens_in"), prompt.size());
    testing::internal::CaptureStdout();
    const Speech alone = speak(request, opened, {{prompt.begin(), prompt.end()}, turn});
    EXPECT_EQ(testing::internal::GetCapturedStdout(), "") << "JSON is alone on its line";
    EXPECT_EQ(said.at("assistant"), in_json(alone.text));
    messages.push_back({"assistant", alone.text});
    if (turn == 0) continue;
    EXPECT_GE(said.at("tokens_known"), held.turns[turn - 1].at("tokens_in")) << turn;
  }
  EXPECT_EQ(held.told, "");
}

TEST(Chat, LeavesTheFirstQuestionsOutWhenTheContextIsFull) {
  const OpenedModel opened = byte_chat(120);
  const Held held = hold(conversation(4), opened, "first question\nsecond question\nthird\n");
  ASSERT_EQ(held.turns.size(), 3u);
  EXPECT_NE(held.told.find("no longer sees the first question"), std::string::npos) << held.told;
  EXPECT_LE(held.turns[2].at("tokens_in"), 90);
  EXPECT_THROW(hold(conversation(4), opened, std::string(200, 'x')), Error);
}

// What stands in the file, not what Lehr would have written.
TEST(Chat, IsWrittenAsTheTemplateOfAGgufFileSays) {
  const auto folder = std::filesystem::temp_directory_path() / "lehr_inspect_gguf";
  const Request request = conversation(3);
  const auto opened_with = [&](const std::string& jinja) {
    std::filesystem::remove_all(folder);
    std::filesystem::create_directories(folder);
    const text::Tokenizer tokenizer = lm::byte_tokenizer();
    const lm::Model model = lm::Model::create(lm::byte_model(tokenizer, 400), 3);
    lm::save_model_folder(folder, model, tokenizer);
    std::ofstream(folder / "chat_template.jinja") << jinja;
    lm::save_gguf(folder / "model.gguf", folder, "test", lm::GgmlType::kF32);
    return open_model(folder / "model.gguf", lm::Precision::kFp32);
  };
  EXPECT_THROW(hold(request, opened_with("{{ messages[0] }}"), "one"), Error);
  EXPECT_EQ(
      hold(request, opened_with(std::string(text::chat_template_jinja())), "one").turns.size(), 1u);
  EXPECT_EQ(hold(request, opened_with(""), "one").turns.size(), 1u) << "in ChatML, for want of one";
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace lehr::inspect
