#include "text/document_summary.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace lehr::text {
namespace {

// As of a step that tells what it measured of each document.
TEST(DocumentSummary, StaysSmallHoweverManyReasonsThereAre) {
  DocumentSummary all;
  constexpr int kBlocks = 20, kDocuments = 500;
  for (int block = 0; block < kBlocks; ++block) {
    DocumentSummary summary;
    for (int i = 0; i < kDocuments; ++i)
      summary.drop("score " + std::to_string(block * kDocuments + i) + std::string(1000, '!'), "id",
                   "text");
    all.append(summary);
  }
  all.drop_more("score of none", 7);
  EXPECT_EQ(all.drops().size(), 1001u);
  EXPECT_EQ(all.drops().at("other_reasons").documents, kBlocks * kDocuments - 1000u + 7);
  EXPECT_LT(all.to_json().dump().size(), 1u << 19);
}

TEST(DocumentSummary, OfAMixHasWhatItsSourcesHave) {
  DocumentSummary mix;
  mix.add_source("web", {3, 300, 90, 0.5});
  mix.add_source("books", {2, 100, 30, 2});
  const DocumentSummary read = DocumentSummary::from_json(mix.to_json());
  EXPECT_EQ(read.documents_in(), 5u);
  EXPECT_EQ(read.documents_out(), 5u);
  EXPECT_EQ(read.bytes_in(), 400u);
  EXPECT_EQ(read.bytes_out(), 400u);
}

TEST(DocumentSummary, CountsWhatWasReplaced) {
  DocumentSummary all, later;
  all.replace("emails", 2);
  later.replace("emails", 3);
  later.replace("ips", 0);
  all.append(later);
  const auto read = DocumentSummary::from_json(all.to_json()).replaced();
  EXPECT_EQ(read.at("emails"), 5u);
  EXPECT_EQ(read.at("ips"), 0u) << "looked for, and none there";
  EXPECT_EQ(read.size(), 2u);
}

}  // namespace
}  // namespace lehr::text
