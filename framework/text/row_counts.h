// How much there is to train on in rows of messages, for the estimates of stages that will read
// them: counted in rows that are there, or told of rows before they are made ("Facts" in
// framework/sdk/description.md).
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "text/chat_rows.h"

namespace lehr::text {

// Of the rows to train on. Not whole where part of the data was looked at.
struct RowCounts {
  double rows = 0;
  double messages = 0;
  double bytes = 0;  // of the messages' roles and contents

  void add(const Conversation& row);
  void add(const Preference& row);
  void add(const Feedback& row);
  void scale(double factor);

  // Most tokens of all rows as they are rendered for training, none longer than `longest`: no token
  // of text is less than a byte, and no format puts more than five others around a message.
  double most_tokens(std::int64_t longest) const {
    return std::min(bytes + 5 * messages, rows * static_cast<double>(longest));
  }

  std::string facts() const;  // as JSON
  // Nothing where the facts do not tell.
  static std::optional<RowCounts> told(std::string_view facts);

 private:
  void add(const Messages& messages_of_row);
};

}  // namespace lehr::text
