// A pass over all documents of an artifact: its files in the order of the pass, evaluation first,
// and the files that take their place in the output, one for each, made of frames.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/documents.h"

namespace lehr::text {

struct DocumentFiles {
  std::vector<std::filesystem::path> inputs;
  std::vector<std::string> outputs;  // names: eval-00000.jsonl.zst, ..., train-00000.jsonl.zst, ...

  // Throws Error if the artifact holds no data file.
  explicit DocumentFiles(const std::filesystem::path& artifact);
};

// Writes frames to the output files in order. An input file whose documents were all dropped still
// has its output, one empty frame.
class FrameOutput {
 public:
  // `files` must outlive this.
  FrameOutput(const DocumentFiles& files, std::filesystem::path folder)
      : files_(files), folder_(std::move(folder)) {}

  // Goes on with file number `file` at `length`.
  void resume(std::size_t file, std::uint64_t length);
  // Ends the files before `file` and begins it, unless it is begun.
  void begin(std::size_t file);
  // Ends all files. Without it the last one lacks its end.
  void finish();
  // The length of the begun file with these frames.
  std::uint64_t append(std::string_view frames);

 private:
  void open(std::uint64_t length);
  void end();

  const DocumentFiles& files_;
  std::filesystem::path folder_;
  std::size_t next_ = 0;  // the file to be opened next
  std::optional<FrameFile> file_;
};

}  // namespace lehr::text
