#include "text/document_files.h"

#include <lehr/value.h>

#include <cstdio>

namespace lehr::text {

DocumentFiles::DocumentFiles(const std::filesystem::path& artifact) {
  for (const char* split : {"eval", "train"}) {
    int number = 0;
    for (const auto& file : data_files(artifact, split)) {
      char name[64];
      std::snprintf(name, sizeof name, "%s-%05d.jsonl.zst", split, number++);
      inputs.push_back(file);
      outputs.push_back(name);
    }
  }
  if (inputs.empty())
    throw Error(artifact.string() + ": holds no train-*.jsonl.zst and no eval-*.jsonl.zst");
}

void FrameOutput::resume(std::size_t file, std::uint64_t length) {
  next_ = file;
  open(length);
}

void FrameOutput::begin(std::size_t file) {
  while (next_ <= file) {
    end();
    open(0);
  }
}

void FrameOutput::finish() {
  while (next_ < files_.outputs.size()) begin(next_);
  end();
}

std::uint64_t FrameOutput::append(std::string_view frames) {
  file_->append(frames);
  return file_->length();
}

void FrameOutput::open(std::uint64_t length) {
  file_.emplace(folder_ / files_.outputs[next_++], length);
}

void FrameOutput::end() {
  if (!file_) return;
  if (file_->length() == 0) file_->append(FrameCompressor().compress(""));
  file_->close();
}

}  // namespace lehr::text
