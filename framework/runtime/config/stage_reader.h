// The keys of one stage, its matrix values already chosen, as a StageConfig.
#pragma once

#include <string>
#include <vector>

#include "runtime/config/condition.h"
#include "runtime/config/key_reader.h"
#include "runtime/config/pipeline.h"

namespace lehr::runtime {

class StageReader : KeyReader {
 public:
  static const std::vector<std::string> kKeys;

  StageReader(Interpolation& interpolation, Diagnostics& diagnostics)
      : KeyReader(interpolation, diagnostics), conditions_(interpolation, diagnostics) {}

  // `stage` holds its names, seed and the pipeline's defaults. `pipeline`: what there is for all.
  void read(const Node& map, const Resources& pipeline, StageConfig& stage);

  // What the pipeline itself has as well. where: begins messages; empty for the pipeline.
  void seed(const Node& node, const std::string& where, std::uint64_t& seed, Origin& origin);
  void resources(const Node& map, const std::string& where, Resources& out);
  bool reference(const Node& node, const std::string& where, Reference& out);

 private:
  void uses(const Node& map, const std::string& where, StageConfig& stage);
  void inputs(const Node& map, const std::string& where, StageConfig& stage);
  void outputs(const Node& map, const std::string& where, StageConfig& stage);
  void timeout(const Node& node, const std::string& where, Timeout& out);
  void when(const Entry& entry, const std::string& where, StageConfig& stage);
  void memory(const Node& node, const std::string& where, Resources& out);
  void within(const std::string& where, const Resources& pipeline, const Resources& stage);

  ConditionReader conditions_;
};

}  // namespace lehr::runtime
