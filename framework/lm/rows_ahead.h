// Rows that a stage is going to train on, as far as its estimate can look at them while planning:
// all of them, or where they are many an even share of their lines. That is taken in pieces which
// lie evenly from the first line to the last, since rows are often sorted by where they come from;
// of a compressed file, in which that would take as long as reading it all, from its beginning.
#pragma once

#include <lehr/context.h>

#include <filesystem>
#include <optional>
#include <string_view>
#include <vector>

#include "text/chat_rows.h"
#include "text/row_counts.h"

namespace lehr::lm {

class RowsAhead {
 public:
  // Of all artifacts at a port. Nothing where one of them is not made yet, or a share of compressed
  // ones is too much. quick_bytes: of files that are read wholly; of more a quarter of that. Throws
  // Error.
  static std::optional<RowsAhead> find(const std::vector<Input>& inputs, std::string_view port,
                                       double quick_bytes = 32 << 20);
  ~RowsAhead();
  RowsAhead(RowsAhead&& other) noexcept = default;
  RowsAhead& operator=(RowsAhead&&) = delete;

  // Of each artifact, to be read while this lives.
  const std::vector<std::vector<std::filesystem::path>>& files() const { return files_; }
  double share() const { return share_; }  // of the bytes of all

 private:
  RowsAhead() = default;

  std::vector<std::vector<std::filesystem::path>> files_;
  double share_ = 1;
  std::vector<int> samples_;  // files in memory, closed in the end
};

// How much an input of rows has to train on: counted, or told before it is made.
template <class Row>
std::optional<text::RowCounts> known_rows(const Input& in) {
  if (in.path.empty()) return text::RowCounts::told(in.facts);
  const auto ahead = RowsAhead::find({in}, in.port);
  if (!ahead) return {};
  text::RowCounts counts;
  text::RowReader<Row> reader(ahead->files().front());
  for (Row row; reader.next(row);) counts.add(row);
  counts.scale(1 / ahead->share());
  return counts;
}

}  // namespace lehr::lm
