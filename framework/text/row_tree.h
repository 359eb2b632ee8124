// A row as simdjson's tree, also one with numbers that 64 bits do not hold, as Python writes them:
// simdjson refuses those, so they are in the tree as the nearest double, as orjson reads them.
// Whoever includes this links simdjson::simdjson, whose definitions change the size of its parser.
#pragma once

#include <simdjson.h>

#include <string>
#include <string_view>

namespace lehr::text {

class RowTree {
 public:
  // row: the tree of `json`, which lives until the next call. padded: whether
  // LineBlock::kPadding readable bytes follow `json`. Throws std::bad_alloc.
  simdjson::error_code parse(std::string_view json, simdjson::dom::element& row,
                             bool padded = false);
  // Whether numbers of the tree are not quite those that the row last parsed has.
  bool rounded() const { return rounded_; }

 private:
  simdjson::dom::parser parser_;
  bool rounded_ = false;
};

// `json` with each number that is no 64-bit integer and no finite double written as the nearest
// double. What is malformed stays so.
std::string with_numbers_as_doubles(std::string_view json);

}  // namespace lehr::text
