#include "text/document_shards.h"

#include <cstdio>
#include <utility>

namespace lehr::text {

DocumentShards::DocumentShards(std::filesystem::path folder, std::string split,
                               std::uint64_t shard_bytes, ShardPosition position)
    : folder_(std::move(folder)),
      split_(std::move(split)),
      shard_bytes_(shard_bytes),
      position_(position) {}

void DocumentShards::append(std::string_view frames) {
  if (!file_) {
    char number[32];
    std::snprintf(number, sizeof number, "-%05llu.jsonl.zst",
                  static_cast<unsigned long long>(position_.shard));
    file_.emplace(folder_ / (split_ + number), position_.length);
  }
  file_->append(frames);
  position_.length = file_->length();
  if (position_.length >= shard_bytes_) end_shard();
}

void DocumentShards::end_shard() {
  if (position_.length == 0) return;
  if (file_) file_->close();
  file_.reset();
  position_ = {position_.shard + 1, 0};
}

void DocumentShards::close() {
  if (file_) file_->close();
  file_.reset();
}

}  // namespace lehr::text
