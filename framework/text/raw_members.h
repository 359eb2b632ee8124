// The members of a JSON object as they are written, beside the tree a parser makes of it, which
// keeps neither the form of a number nor the blanks within a value.
#pragma once

#include <cstddef>
#include <string_view>

namespace lehr::text {

// object: one valid JSON object. next() is called at most once for each of its members.
class RawMembers {
 public:
  explicit RawMembers(std::string_view object) : json_(object), at_(object.find('{') + 1) {}

  // "key": value, without what stands around it, and where in it the value begins.
  std::string_view next(std::size_t& value) {
    at_ = json_.find('"', at_);
    const std::size_t begin = at_;
    skip_string();
    at_ = json_.find(':', at_) + 1;
    at_ = json_.find_first_not_of(" \t\r\n", at_);
    value = at_ - begin;
    skip_value();
    return json_.substr(begin, at_ - begin);
  }

 private:
  // To behind the quote that an even number of backslashes stands before.
  void skip_string() {
    const std::size_t begin = at_ + 1;
    for (at_ = begin;; ++at_) {
      at_ = json_.find('"', at_);
      std::size_t escapes = at_;
      while (escapes > begin && json_[escapes - 1] == '\\') --escapes;
      if ((at_ - escapes) % 2 == 0) break;
    }
    ++at_;
  }
  void skip_value() {
    int depth = 0;
    do {
      const char c = json_[at_];
      if (c == '"') {
        skip_string();
        continue;
      }
      if (c == '{' || c == '[') ++depth;
      if (c == '}' || c == ']') --depth;
      ++at_;
    } while (depth > 0);
    const char begun = json_[at_ - 1];
    if (begun != '"' && begun != '}' && begun != ']') at_ = json_.find_first_of(",} \t\r\n", at_);
  }

  std::string_view json_;
  std::size_t at_;
};

}  // namespace lehr::text
