#include "runtime/run/stage_progress.h"

#include <cmath>

#include "runtime/run/human_text.h"

namespace lehr::runtime {
namespace {

// The rate is a mean over about this many seconds, so that it follows a change but does not
// flicker.
constexpr double kRateSeconds = 8;

}  // namespace

void StageProgress::event(const nlohmann::ordered_json& event, double now) {
  const std::string kind = event.at("event");
  if (kind == "phase") phase_ = event.at("name");
  if (kind == "waiting") phase_ = "waiting for another run that computes the same";
  if (kind != "progress") return;
  const double done = event.at("done"), total = event.at("total");
  if (!seen_ || done < done_ || event.at("unit") != unit_) {
    rate_ = 0;  // a new count: what was done before it began says nothing about speed
  } else if (now > last_time_) {
    const double speed = (done - done_) / (now - last_time_);
    const double weight = rate_ == 0 ? 1 : 1 - std::exp(-(now - last_time_) / kRateSeconds);
    rate_ += weight * (speed - rate_);
  }
  seen_ = true;
  done_ = done;
  total_ = total;
  last_time_ = now;
  unit_ = event.at("unit");
  note_ = event.at("note");
}

double StageProgress::fraction() const {
  return seen_ && total_ > 0 ? std::fmin(1, done_ / total_) : -1;
}

std::string StageProgress::text(double now) const {
  if (!seen_ || phase_ != "running") return phase_ + ", " + duration_text(now - started_);
  std::string out = count_text(done_);
  if (total_ > 0) out += "/" + count_text(total_);
  out += " " + unit_;
  if (total_ > 0) out += " " + std::to_string(static_cast<int>(100 * fraction())) + "%";
  if (rate_ > 0) out += ", " + count_text(rate_) + "/s";
  if (rate_ > 0 && total_ > done_)
    out += ", ETA " + duration_text(std::fmax(0, (total_ - done_) / rate_ - (now - last_time_)));
  if (!note_.empty()) out += ", " + note_;
  return out;
}

}  // namespace lehr::runtime
