// For tests: a store in a temporary folder, with artifacts and results to put into it.
#pragma once

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "runtime/store/sha256.h"
#include "runtime/store/store.h"

namespace lehr::runtime {

class ScratchStore : public testing::Test {
 protected:
  ScratchStore() {
    std::string name = (std::filesystem::temp_directory_path() / "lehr-store-XXXXXX").string();
    root_ = ::mkdtemp(name.data());
  }
  ~ScratchStore() override { remove_tree(root_); }

  // A folder as a stage leaves it.
  std::filesystem::path output(const std::string& text) {
    const std::filesystem::path folder = root_ / ("out" + std::to_string(count_++));
    std::filesystem::create_directories(folder / "deep");
    std::ofstream(folder / "a.txt") << text;
    std::ofstream(folder / "deep" / "b.txt") << "b";
    return folder;
  }
  std::string publish(const ArtifactStore& store, const std::string& text) {
    const std::filesystem::path folder = output(text);
    return store.publish(folder, describe_folder(folder, "documents", {{"language", "en"}}, 2));
  }
  // The result of a stage `stage_id` that read `inputs` (digests) and made one output.
  StageResult made(const std::string& stage_id, const std::string& digest,
                   const std::vector<std::string>& inputs = {}) {
    StageResult out;
    for (std::size_t i = 0; i < inputs.size(); ++i)
      out.key_parts.emplace_back("in.documents[" + std::to_string(i) + "]", "before " + inputs[i]);
    out.key_parts.emplace_back("uses", "tally." + stage_id);
    out.key = stage_key(out.key_parts);
    out.stage = "tally." + stage_id;
    out.stage_id = stage_id;
    out.outputs["documents"] = {digest, "documents", {{"language", "en"}}};
    return out;
  }
  void damage_file(const std::filesystem::path& path, const std::string& text) {
    ::chmod(path.c_str(), 0644);
    std::ofstream(path, std::ios::trunc) << text;
  }

  std::filesystem::path root_;
  int count_ = 0;
};

}  // namespace lehr::runtime
