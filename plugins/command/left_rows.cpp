#include "left_rows.h"

#include "text/chat_rows.h"
#include "text/documents.h"

namespace lehr::plugins::command {
namespace {

namespace fs = std::filesystem;

template <class Reader, class Row>
void read_all(Reader reader, Row row, const Context& context) {
  for (std::uint64_t rows = 0; reader.next(row);)
    if (++rows % 4096 == 0 && context.cancelled()) throw Cancelled();
}

template <class Row>
void read_rows(std::vector<fs::path> files, const Context& context) {
  read_all(text::RowReader<Row>(std::move(files)), Row(), context);
}

}  // namespace

void check_rows(const Output& output, const Context& context) try {
  std::vector<fs::path> files = text::data_files(output.path, "train");
  for (fs::path& file : text::data_files(output.path, "eval")) files.push_back(std::move(file));
  if (output.type == "documents")
    read_all(text::DocumentReader(std::move(files)), text::Document(), context);
  else if (output.type == "conversations")
    read_rows<text::Conversation>(std::move(files), context);
  else if (output.type == "preferences")
    read_rows<text::Preference>(std::move(files), context);
  else if (output.type == "feedback")
    read_rows<text::Feedback>(std::move(files), context);
  else if (output.type == "prompts")
    read_rows<text::Prompt>(std::move(files), context);
  else if (output.type == "probes" && fs::exists(output.path / "probes.jsonl"))
    read_rows<text::Probe>({output.path / "probes.jsonl"}, context);
} catch (const Error& e) {
  throw Error("what the program left as '" + output.port + "' (" + output.type +
              ") cannot be read: " + e.what());
}

}  // namespace lehr::plugins::command
