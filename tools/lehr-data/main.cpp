// lehr-data: shows what data artifacts hold, for `lehr data look` and `report`. A program of its
// own because it reads corpora, which needs libraries that every `lehr` would load at its start.
//
//   lehr-data look|report '{"folder": ..., "type": ...}'     see request.h
#include <exception>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

#include "look.h"
#include "page.h"
#include "text/standard_output.h"

namespace lehr::data {
namespace {

Request read_request(const char* text) {
  const auto json = nlohmann::json::parse(text);
  Request request;
  request.folder = json.at("folder").get<std::string>();
  request.type = json.at("type");
  request.title = json.at("title");
  request.split = json.at("split");
  request.count = json.at("count");
  request.seed = json.at("seed");
  request.characters = json.at("characters");
  request.tokenizer = json.at("tokenizer").get<std::string>();
  request.dropped = json.at("dropped");
  request.ids = json.at("ids");
  request.color = json.at("color");
  request.by = json.at("by");
  request.output = json.at("output");
  request.made_by = json.at("made_by");
  return request;
}

void write_page(const Request& request) {
  const std::string html = page(request, collect_statistics(request));
  std::ofstream out(request.output, std::ios::binary | std::ios::trunc);
  out << html;
  out.close();
  if (!out) throw std::runtime_error("'" + request.output + "' could not be written");
  std::cout << request.output << "\n";
}

}  // namespace
}  // namespace lehr::data

int main(int argc, char** argv) {
  using namespace lehr::data;
  try {
    const std::string command = argc == 3 ? argv[1] : "";
    if (command != "look" && command != "report")
      return std::cerr << "lehr-data is run by `lehr data`\n", 2;
    const Request request = read_request(argv[2]);
    if (command == "report")
      write_page(request);
    else
      std::cout << (request.dropped.empty() ? look(request) : look_at_dropped(request));
    lehr::text::flush_output();
    return 0;
  } catch (const std::exception& e) {
    std::cerr << "lehr: " << e.what() << "\n";
    return 1;
  }
}
