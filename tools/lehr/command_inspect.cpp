// What a model expects next, how well it knew a text, how it goes on, what it answers; how good a
// reward model finds answers.
#include "command_inspect.h"

#include <unistd.h>

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "artifact_argument.h"
#include "companion.h"

namespace lehr::cli {
namespace {

namespace fs = std::filesystem;

struct InspectSettings {
  std::string model, prompt, text, system, precision = "fp32";
  std::vector<std::string> answers;
  std::size_t top = 10, generate = 0, top_k = 0, seed = 0;
  double temperature = 0, top_p = 1, min_p = 0;
  bool chat = false;
};

// A model that is a file or folder of its own comes before names of artifacts.
bool is_model_path(const fs::path& path) {
  std::error_code error;
  return fs::is_directory(path, error)
             ? fs::exists(path / "config.json", error)
             : path.extension() == ".gguf" && fs::is_regular_file(path, error);
}

fs::path model_path(const Options& options, const std::string& name) {
  if (is_model_path(name)) return fs::absolute(name);
  if (!store_if_there(options))
    throw CommandError(
        kUsage, "'" + name + "' is no model folder and no .gguf file, and there is no store at '" +
                    store_folder(options).string() + "'. Name one with -p, --store or LEHR_STORE");
  const auto store = open_store(options);
  const auto named = artifact_named(store, options, name);
  const std::string type = store.artifact(named.digest).type;
  const fs::path folder = store.artifact_path(named.digest);
  if (type == "gguf") return folder / "model.gguf";
  if (type != "model" && type != "reward_model")
    throw CommandError(kUsage, "'" + name + "' is of type '" + type +
                                   "', not a model. `lehr data look` shows texts and tokens");
  return folder;
}

constexpr std::size_t kMostOfATurn = 1024;  // tokens of an answer in a conversation

const char* view_of(const InspectSettings& settings) {
  if (!settings.text.empty()) {
    if (!settings.prompt.empty() || settings.generate > 0 || settings.chat ||
        !settings.answers.empty())
      throw CommandError(kUsage,
                         "--text scores a text by itself: give no PROMPT, --generate, --chat or "
                         "--answer with it");
    return "text";
  }
  if (!settings.answers.empty()) {
    if (settings.generate > 0 || settings.chat)
      throw CommandError(kUsage,
                         "--answer asks a reward model, for which PROMPT is a user's message "
                         "anyway: give no --generate or --chat with it");
    if (settings.prompt.empty())
      throw CommandError(kUsage, "a PROMPT is missing: what --answer answers");
    return "scores";
  }
  if (settings.prompt.empty()) {
    if (settings.chat) return "chat";
    if (settings.generate > 0)
      throw CommandError(kUsage, "a PROMPT is missing: what the model shall go on from");
    return "card";
  }
  return settings.generate > 0 ? "generate" : "next";
}

// Options that would change nothing.
void check_use(const InspectSettings& settings, const std::string& view) {
  const InspectSettings defaults;
  const std::pair<const char*, bool> given[] = {{"--top-k", settings.top_k != defaults.top_k},
                                                {"--top-p", settings.top_p != defaults.top_p},
                                                {"--min-p", settings.min_p != defaults.min_p},
                                                {"--seed", settings.seed != defaults.seed}};
  for (const auto& [name, is_given] : given)
    if (is_given && settings.temperature == 0)
      throw CommandError(kUsage, std::string(name) +
                                     " is of tokens that are drawn, and without --temperature the "
                                     "likeliest is taken: add --temperature, as 0.8");
  if (settings.temperature != 0 && view != "generate" && view != "chat")
    throw CommandError(kUsage,
                       "--temperature is of tokens that are drawn, and none is: add a PROMPT and "
                       "--generate, as 100, or --chat");
  if (!settings.system.empty() && !settings.chat && view != "scores")
    throw CommandError(kUsage, "--system begins a chat: add --chat, or --answer");
}

[[noreturn]] void inspect(const Options& options, const InspectSettings& settings) {
  const char* view = view_of(settings);
  check_use(settings, view);
  const std::size_t generate = settings.generate > 0              ? settings.generate
                               : std::string_view(view) == "chat" ? kMostOfATurn
                                                                  : 1;
  const nlohmann::json request = {{"view", view},
                                  {"path", model_path(options, settings.model).string()},
                                  {"title", settings.model},
                                  {"text", settings.text.empty() ? settings.prompt : settings.text},
                                  {"chat", settings.chat},
                                  {"system", settings.system},
                                  {"answers", settings.answers},
                                  {"top", settings.top},
                                  {"max_new_tokens", generate},
                                  {"temperature", settings.temperature},
                                  {"top_k", settings.top_k},
                                  {"top_p", settings.top_p},
                                  {"min_p", settings.min_p},
                                  {"seed", settings.seed},
                                  {"precision", settings.precision},
                                  {"color", use_color(STDOUT_FILENO) && !options.json},
                                  {"live", isatty(STDOUT_FILENO) == 1},
                                  {"json", options.json}};
  become("lehr-inspect", {request.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)});
}

}  // namespace

void add_inspect(Command app, Options& options) {
  Command command = app.add(
      "inspect",
      "What a model expects next, how well it knew a text, how it goes on, what it answers; alone: "
      "its shape");
  auto settings = std::make_shared<InspectSettings>();
  command
      .option("MODEL", settings->model,
              std::string("A Hugging Face folder, a .gguf file, or ") + kArtifactHelp)
      .required();
  command.option("PROMPT", settings->prompt,
                 "Text to go on from (-: standard input); special tokens in it count as such");
  command
      .option("--text", settings->text,
              "Score this text instead (-: standard input): each token's probability, perplexity, "
              "bits per byte")
      .type_name("TEXT");
  command.flag(
      "--chat", settings->chat,
      "PROMPT is a user's message; without it: a conversation, each line of standard input "
      "a message");
  command.option("--system", settings->system, "What a system message before it says")
      .type_name("TEXT");
  command
      .option("--answer", settings->answers,
              "How good a reward model finds this answer to PROMPT, a user's message (repeatable)")
      .one_value_each()
      .type_name("TEXT");
  command.option("-n,--top", settings->top, "So many of the likeliest next tokens")
      .show_default()
      .type_name("N");
  command
      .option("-g,--generate", settings->generate,
              "Go on for at most so many tokens, shown as they come; in a conversation " +
                  std::to_string(kMostOfATurn) + " unless given")
      .type_name("N");
  command.option("--temperature", settings->temperature, "Draw tokens; 0: always the likeliest")
      .show_default()
      .type_name("T");
  command.option("--top-k", settings->top_k, "Draw from the k likeliest; 0: from all")
      .show_default()
      .type_name("K");
  command.option("--top-p", settings->top_p, "Draw from the likeliest that reach p together")
      .show_default()
      .type_name("P");
  command
      .option("--min-p", settings->min_p, "Draw from those at least p times as likely as the first")
      .show_default()
      .type_name("P");
  command.option("--seed", settings->seed, "Draw others").show_default().type_name("N");
  command
      .option("--precision", settings->precision, "fp32, bf16, or auto: bf16 where the CPU has it")
      .one_of({"fp32", "bf16", "auto"})
      .show_default();
  add_artifact_options(command, options);
  add_json_option(command, options, "What is shown, as JSON");
  command.footer(example(
      "lehr inspect base \"The capital of France is\" -p pipelines/quickstart.yaml\n"
      "  lehr inspect dpo --chat \"What is the opposite of cold?\" --generate 30\n"
      "  lehr inspect dpo --chat --system \"Answer in one word.\"\n"
      "  lehr inspect judge \"What is the opposite of cold?\" --answer Hot. --answer Cold.\n"
      "  lehr inspect base --text \"Paris is the capital of France.\"\n"
      "  lehr inspect model.gguf \"Once upon a time\" -g 100 --temperature 0.8 --top-p 0.95"));
  command.run([&options, settings] { inspect(options, *settings); });
}

}  // namespace lehr::cli
