// Where one running stage is, from its progress events, as one line of text.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

namespace lehr::runtime {

class StageProgress {
 public:
  explicit StageProgress(double now) : started_(now) {}
  // Any event of the stage; `now` in seconds of a steady clock.
  void event(const nlohmann::ordered_json& event, double now);
  bool has_progress() const { return seen_; }
  double started() const { return started_; }

  // "1.2M/6M tokens 20%, 52.3k/s, ETA 1m32s, loss 3.21", or what the stage is doing when it has
  // told no number yet.
  std::string text(double now) const;
  // Part done in [0, 1]; negative when the total is not known.
  double fraction() const;

 private:
  double started_;
  bool seen_ = false;
  double done_ = 0, total_ = 0, last_time_ = 0, rate_ = 0;
  std::string unit_, note_, phase_ = "starting";
};

}  // namespace lehr::runtime
