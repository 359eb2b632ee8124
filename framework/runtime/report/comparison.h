// Two runs side by side, stage by stage: what went in differently, and what came out differently.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "runtime/report/run_record.h"

namespace lehr::runtime {

// A part of the key that differs, with where each value was written; empty: it was not there.
struct PartChange {
  std::string name, before, after, where_before, where_after;
};

struct ResultPair {
  std::string name;
  std::optional<double> a, b;
  bool is_volatile = false;
  bool differs() const;
};

struct MetricPair {
  std::string name;
  std::vector<MetricPoint> a, b;
};

struct OutputPair {
  std::string port, a, b;  // digests; empty: not there, or the store no longer knows
};

struct StageComparison {
  std::string id;
  const StageRecord* a = nullptr;  // null: the run has no such stage
  const StageRecord* b = nullptr;
  bool same = false;  // one key, so one result: nothing below is filled in
  std::vector<PartChange> changes;
  std::vector<ResultPair> results;
  std::vector<MetricPair> metrics;
  std::vector<OutputPair> outputs;
};

// In the order of b's stages, then what only a has. The records must outlive what is returned.
std::vector<StageComparison> compare_runs(const RunRecord& a, const RunRecord& b,
                                          const std::filesystem::path& store_root);

}  // namespace lehr::runtime
