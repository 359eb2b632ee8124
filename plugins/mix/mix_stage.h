// The stages `mix.documents` and `mix.tokens`: several artifacts become one, each source with its
// share, epochs and caps, shuffled as one and cut into shards. Depends on the seed, the names of
// the sources and their content; not on threads or memory.
#pragma once

#include <lehr/plugin.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "blend.h"
#include "placing.h"

namespace lehr::plugins::mix {

struct SourceOptions {
  std::string from;
  std::optional<double> weight;
  double max_epochs = 1;
  std::optional<std::int64_t> most;  // max_bytes, max_tokens
};

// A connected artifact on its way into the mix.
struct Source {
  Input input;
  SourceOptions options;
  Placing placing;
};

struct MixLimits {
  std::uint64_t memory_bytes;
  std::uint64_t commit_every;  // bytes of the sources that are read, or of the mix
};

// What both stages share.
class MixStage : public Stage {
 public:
  void describe(Description& d) override;
  void check() override;

 protected:
  // type: "documents" or "tokens"; unit: what amounts are in.
  MixStage(std::string type, std::string unit) : type_(std::move(type)), unit_(std::move(unit)) {}

  // The inputs with what the pipeline says of them. Throws Error for names that do not fit.
  std::vector<Source> sources(const Context& context) const;
  MixLimits limits() const {
    return {static_cast<std::uint64_t>(memory_), static_cast<std::uint64_t>(commit_every_)};
  }
  // After the first pass over all sources: decides how much of each goes in; gives the sum.
  std::uint64_t decide(const Context& context, std::vector<Source>& sources) const;
  // share/NAME, epochs/NAME ... of the stage's results. amount: what went in of each source.
  void report(const Context& context, const std::vector<Source>& sources,
              const std::vector<std::uint64_t>& documents,
              const std::vector<std::uint64_t>& amounts) const;

  const std::string type_, unit_;
  std::vector<SourceOptions> sources_;
  std::optional<std::int64_t> total_, shards_;
  bool shuffle_ = true;
  std::int64_t memory_ = 512 << 20, commit_every_ = 512 << 20;
};

}  // namespace lehr::plugins::mix
