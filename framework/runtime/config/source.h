// Where a value was written: a file with line and column, or a command-line flag. Every node of the
// configuration knows its origin, and every error and key part names it.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace lehr::runtime {

class Source {
 public:
  // A file. `name` is how the user named it; relative paths written in it are relative to `folder`
  // (absolute).
  Source(std::string name, std::filesystem::path folder, std::string text, int rank = 0);
  // A flag, "--set stages.base.with.lr=1"; it has no lines to show.
  static std::shared_ptr<const Source> flag(std::string name, int rank);

  const std::string& name() const { return name_; }
  const std::filesystem::path& folder() const { return folder_; }
  const std::string& text() const { return text_; }
  bool is_flag() const { return flag_; }
  // Order in which sources are reported: the pipeline file, what it extends, flags.
  int rank() const { return rank_; }
  // Line `number` from 1 without its end; empty if there is none.
  std::string_view line(int number) const;

 private:
  std::string name_;
  std::filesystem::path folder_;
  std::string text_;
  std::vector<std::size_t> line_starts_;
  bool flag_ = false;
  int rank_ = 0;
};

struct Origin {
  std::shared_ptr<const Source> source;
  int line = 0, column = 0;  // from 1; columns count characters, not bytes

  std::string text() const;  // "tiny.yaml:14:9" or "--set stages.base.with.lr=1"
};

}  // namespace lehr::runtime
