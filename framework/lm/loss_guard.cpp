#include "lm/loss_guard.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

namespace lehr::lm {
namespace {

constexpr std::size_t kWindow = 64;
constexpr std::size_t kEnough = 32;  // losses that a judgement by deviations needs
constexpr double kFar = 3;           // times, before there are so many
constexpr std::size_t kLast = 8;     // losses at the end, whose mean tells whether it diverged

}  // namespace

std::string LossGuard::fault(double loss) const {
  char text[160];
  if (!std::isfinite(loss)) {
    std::snprintf(text, sizeof text, "loss is %g", loss);
    return text;
  }
  if (deviations_ <= 0) return {};
  if (recent_.size() < kEnough) {
    if (of_guessing_ <= 0 || !first_ || loss <= kFar * std::max(*first_, of_guessing_)) return {};
    std::snprintf(text, sizeof text,
                  "loss %.4g is a spike: the first was %.4g, guessing gives %.4g", loss, *first_,
                  of_guessing_);
    return text;
  }
  const auto count = static_cast<double>(recent_.size());
  double sum = 0, squares = 0;
  for (const double value : recent_) sum += value;
  const double mean = sum / count;
  for (const double value : recent_) squares += (value - mean) * (value - mean);
  const double deviation = std::sqrt(squares / count);
  if (loss <= mean + std::max(deviations_ * deviation, std::abs(mean))) return {};
  std::snprintf(text, sizeof text, "loss %.4g is a spike: the %zu before were %.4g +- %.2g", loss,
                recent_.size(), mean, deviation);
  return text;
}

std::string LossGuard::divergence() const {
  if (of_guessing_ <= 0 || recent_.empty() || !first_) return {};
  const std::size_t count = std::min(kLast, recent_.size());
  double last = 0;
  for (std::size_t back = 1; back <= count; ++back)
    last += recent_[(next_ + kWindow - back) % kWindow] / static_cast<double>(count);
  if (last <= 2 * std::abs(*first_) + 1) return {};
  char text[160];
  std::snprintf(text, sizeof text, "the last losses are %.4g on average, the first was %.4g", last,
                *first_);
  return text;
}

void LossGuard::accept(double loss) {
  if (!first_) first_ = loss;
  if (recent_.size() < kWindow)
    recent_.push_back(loss);
  else
    recent_[next_] = loss;
  next_ = (next_ + 1) % kWindow;
}

nlohmann::json LossGuard::state() const {
  nlohmann::json state = {{"recent", recent_}, {"next", next_}};
  if (first_) state["first"] = *first_;
  return state;
}

void LossGuard::restore(const nlohmann::json& state) {
  recent_ = state.at("recent").get<std::vector<double>>();
  next_ = state.at("next").get<std::size_t>();
  if (state.contains("first")) first_ = state["first"].get<double>();
  if (recent_.size() > kWindow || next_ >= kWindow)
    throw std::runtime_error("a checkpoint's window of losses is malformed");
}

}  // namespace lehr::lm
