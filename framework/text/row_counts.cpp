#include "text/row_counts.h"

#include <cmath>
#include <nlohmann/json.hpp>

namespace lehr::text {
namespace {

constexpr const char* kRows = "train_rows";
constexpr const char* kMessages = "train_messages";
constexpr const char* kBytes = "train_bytes";

}  // namespace

void RowCounts::add(const Messages& messages_of_row) {
  for (const Message& message : messages_of_row) {
    ++messages;
    bytes += static_cast<double>(message.role.size() + message.content.size());
  }
}

void RowCounts::add(const Conversation& row) {
  ++rows;
  add(row.messages);
}

void RowCounts::add(const Preference& row) {
  ++rows;
  for (const Messages* part : {&row.prompt, &row.chosen, &row.rejected}) add(*part);
}

void RowCounts::add(const Feedback& row) {
  ++rows;
  add(row.prompt);
  add(row.completion);
}

void RowCounts::scale(double factor) {
  for (double* count : {&rows, &messages, &bytes}) *count = std::round(*count * factor);
}

std::string RowCounts::facts() const {
  const auto whole = [](double count) { return static_cast<std::int64_t>(count); };
  return nlohmann::json(
             {{kRows, whole(rows)}, {kMessages, whole(messages)}, {kBytes, whole(bytes)}})
      .dump();
}

std::optional<RowCounts> RowCounts::told(std::string_view facts) {
  const auto json = nlohmann::json::parse(facts, nullptr, false);
  if (!json.is_object()) return {};
  RowCounts counts;
  for (const auto& [name, count] :
       {std::pair{kRows, &counts.rows}, std::pair{kMessages, &counts.messages},
        std::pair{kBytes, &counts.bytes}}) {
    const auto found = json.find(name);
    if (found == json.end() || !found->is_number() || found->get<double>() < 0) return {};
    *count = found->get<double>();
  }
  return counts;
}

}  // namespace lehr::text
