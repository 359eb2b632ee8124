#include "runtime/config/source.h"

#include <utility>

namespace lehr::runtime {

Source::Source(std::string name, std::filesystem::path folder, std::string text, int rank)
    : name_(std::move(name)), folder_(std::move(folder)), text_(std::move(text)), rank_(rank) {
  line_starts_.push_back(0);
  for (std::size_t i = 0; i < text_.size(); ++i)
    if (text_[i] == '\n') line_starts_.push_back(i + 1);
}

std::shared_ptr<const Source> Source::flag(std::string name, int rank) {
  auto source =
      std::make_shared<Source>(std::move(name), std::filesystem::current_path(), "", rank);
  source->flag_ = true;
  return source;
}

std::string_view Source::line(int number) const {
  const auto index = static_cast<std::size_t>(number);
  if (number < 1 || index > line_starts_.size()) return {};
  const std::size_t begin = line_starts_[index - 1],
                    end = index < line_starts_.size() ? line_starts_[index] - 1 : text_.size();
  std::string_view line = std::string_view(text_).substr(begin, end - begin);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

std::string Origin::text() const {
  if (!source) return {};
  if (source->is_flag() || line == 0) return source->name();
  return source->name() + ":" + std::to_string(line) + ":" + std::to_string(column);
}

}  // namespace lehr::runtime
