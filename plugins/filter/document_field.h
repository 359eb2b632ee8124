// A member of a document's other fields, which are JSON.
#pragma once

#include <memory>
#include <optional>
#include <string_view>

namespace lehr::plugins::filter {

// One object per thread.
class FieldReader {
 public:
  FieldReader();
  ~FieldReader();
  FieldReader(FieldReader&&) noexcept;
  // The text of member `name`, valid until the next call; nothing if there is none or it is no
  // text.
  std::optional<std::string_view> text(std::string_view fields, std::string_view name);

 private:
  struct Parser;
  std::unique_ptr<Parser> parser_;
};

}  // namespace lehr::plugins::filter
