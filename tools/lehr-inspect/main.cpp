// lehr-inspect: what a model expects and says, for `lehr inspect`. A program of its own because it
// links LibTorch, which takes a third of a second to load.
//
//   lehr-inspect '{"view": ..., "path": ...}'     see request.h
#include <lehr/value.h>

#include <exception>
#include <iostream>
#include <iterator>
#include <new>
#include <nlohmann/json.hpp>

#include "lm/runtime.h"
#include "text/standard_output.h"
#include "views.h"

namespace lehr::inspect {
namespace {

Request read_request(const char* text) {
  const auto json = nlohmann::json::parse(text);
  Request request;
  request.view = json.at("view");
  request.path = json.at("path").get<std::string>();
  request.title = json.at("title");
  request.text = json.at("text");
  if (request.text == "-") request.text.assign(std::istreambuf_iterator<char>(std::cin), {});
  request.chat = json.at("chat");
  request.system = json.at("system");
  request.answers = json.at("answers");
  request.top = json.at("top");
  lm::GenerationOptions& generation = request.generation;
  generation.max_new_tokens = json.at("max_new_tokens");
  generation.seed = json.at("seed");
  generation.sampling.temperature = json.at("temperature");
  generation.sampling.top_k = json.at("top_k");
  generation.sampling.top_p = json.at("top_p");
  generation.sampling.min_p = json.at("min_p");
  request.precision = json.at("precision");
  request.color = json.at("color");
  request.json = json.at("json");
  request.live = json.at("live");
  return request;
}

void show(const Request& request) {
  lm::start_runtime();
  lm::check(request.generation.sampling);
  if (request.view == "scores") return show_scores(request);
  const OpenedModel opened = open_model(request.path, lm::parse_precision(request.precision));
  if (request.view == "card") return show_card(request, opened);
  if (opened.model.config().head == lm::HeadKind::kScore)
    throw Error(request.title +
                ": a reward model scores whole answers and predicts no token; give it a PROMPT "
                "and --answer");
  if (request.view == "next")
    show_next(request, opened);
  else if (request.view == "text")
    show_text(request, opened);
  else if (request.view == "generate")
    show_continuation(request, opened);
  else
    show_chat(request, opened);
}

}  // namespace
}  // namespace lehr::inspect

int main(int argc, char** argv) {
  if (argc != 2 || argv[1][0] != '{')
    return std::cerr << "lehr-inspect is run by `lehr inspect`\n", 2;
  try {
    lehr::inspect::show(lehr::inspect::read_request(argv[1]));
    lehr::text::flush_output();
    return 0;
  } catch (const std::bad_alloc&) {
    std::cerr << "lehr: not enough memory\n";
    return 1;
  } catch (const std::exception& e) {
    std::cerr << "lehr: " << e.what() << "\n";
    return 1;
  }
}
