// The stage `parquet.documents`: a text column of Parquet files as an artifact of documents.
#pragma once

#include <lehr/plugin.h>

#include <cstdint>
#include <string>
#include <vector>

namespace lehr::plugins::parquet {

class Documents : public Stage {
 public:
  void describe(Description& d) override;
  void check() override;
  void run(Context& context) override;

 private:
  std::vector<std::string> train_, eval_;
  double eval_fraction_ = 0;
  std::string text_field_ = "text", id_field_ = "id", columns_ = "plain";
  std::vector<std::string> fields_;
  std::string invalid_utf8_ = "error", malformed_ = "error";
  std::int64_t max_document_bytes_ = 64 << 20, shard_bytes_ = 1 << 30;
  std::int64_t max_page_bytes_ = 256 << 20, commit_every_ = 256 << 20;
};

}  // namespace lehr::plugins::parquet
