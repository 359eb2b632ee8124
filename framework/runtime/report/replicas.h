// Replicas in a run: variants of a stage that differ in one axis of its matrix only, the seed.
// For each result: mean and deviation over the replicas of a variant, and for each pair of variants
// whether the difference exceeds the noise.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "runtime/report/run_record.h"
#include "runtime/report/statistics.h"

namespace lehr::runtime {

// Fewer replicas tell too little about their own scatter for a test.
inline constexpr std::size_t kFewestReplicas = 3;
inline constexpr double kSignificance = 0.05;

struct Variant {
  std::string name;                 // "beta=0.1"; of an evaluation "dpo@beta=0.1"; may be empty
  std::vector<std::string> values;  // of the axis, one for each number: "1", "2", "3"
  std::vector<double> numbers;
  Sample sample;
};

struct VariantPair {
  std::size_t a, b;  // indices of variants
  WelchTest test;
  double adjusted_p = 1;  // Holm, over the pairs of this result
  bool exceeds_noise = false;
};

struct ReplicatedResult {
  std::string stage;               // without its matrix: "dpo", "exam"
  std::string result;              // "eval/loss"
  std::vector<Variant> variants;   // at least one has two numbers or more
  std::vector<VariantPair> pairs;  // those of variants with enough replicas
};

// By stage in the run's order, then as the stage gave them. Timings and other volatile results are
// left out. An evaluation's results "accuracy@dpo@beta=0.1,seed=1" are replicas of dpo@beta=0.1.
std::vector<ReplicatedResult> replicated_results(const RunRecord& run,
                                                 const std::string& axis = "seed");

// What both runs have replicas of and differs, each variant of a before that of b: "a: beta=0.1"
// and "b: beta=0.1", which are the pairs.
std::vector<ReplicatedResult> replicated_differences(const RunRecord& a, const RunRecord& b,
                                                     const std::string& axis = "seed");

// "dpo@beta=0.1,seed=1" -> "dpo" and its axes. An axis begins with a name and '='; what stands
// between two of these is the value.
struct StageName {
  std::string base;
  std::vector<std::pair<std::string, std::string>> axes;
};
StageName parse_stage_name(const std::string& id);

}  // namespace lehr::runtime
