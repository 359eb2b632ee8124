// One row of JSON Lines with messages in it: its members by name, and the errors about it, which
// begin with file and line. Messages are {"role", "content"} or ShareGPT's {"from", "value"}; where
// a form of others takes the place of our own, the row is marked as foreign. Whoever includes this
// links simdjson::simdjson (row_tree.h).
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "text/chat_rows.h"
#include "text/row_tree.h"

namespace lehr::text {

class RowFields {
 public:
  // forms: what a row looks like, for those who bring another one. Both must outlive this; of one
  // thread, one lives at a time.
  RowFields(std::string_view json, std::string_view where, const char* forms);

  [[noreturn]] void fail(const std::string& what) const;

  bool has(const char* name) const;  // and it is not null
  bool is_text(const char* name) const;
  std::string text(const char* name) const;
  std::string text_or_empty(const char* name) const;
  bool boolean(const char* name) const;
  double real(const char* name) const;
  std::vector<std::string> texts(const char* name) const;               // none where it is absent
  std::vector<std::vector<std::string>> pairs(const char* name) const;  // of texts; the same

  // At least one.
  Messages messages(const char* name);
  // A prompt waits for an answer; a text is a message of the user.
  Messages prompt(const char* name);
  // What follows the prompt and ends with the assistant; a text is a message of the assistant.
  // Where the messages of the prompt stand before it, they are left out.
  Messages answer(const char* name, const Messages& prompt);

  void mark_foreign() { foreign_ = true; }
  bool foreign() const { return foreign_; }
  const char* forms() const { return forms_; }

 private:
  simdjson::dom::element need(const char* name) const;
  Message message(const simdjson::dom::element& item, const std::string& place);
  Messages text_as(const char* role, const char* name);

  std::string_view where_;
  const char* forms_;
  simdjson::dom::object object_;
  bool foreign_ = false;
};

}  // namespace lehr::text
