// What `lehr init` can write: the starter, a few texts of one's own through filter and tokenizer,
// and the recipes of pipelines/, which are compiled in.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace lehr::cli {

struct NewFile {
  std::string path;  // relative to the folder
  std::string text;
};

std::vector<NewFile> starter_files();

// Name and text of each recipe, by name.
const std::vector<std::pair<std::string, std::string>>& recipes();

}  // namespace lehr::cli
