#include "lm/loss_guard.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

namespace lehr::lm {
namespace {

constexpr std::size_t kWindow = 64;
constexpr std::size_t kEnough = 32;  // losses that a judgement needs

}  // namespace

std::string LossGuard::fault(double loss) const {
  char text[160];
  if (!std::isfinite(loss)) {
    std::snprintf(text, sizeof text, "loss is %g", loss);
    return text;
  }
  if (deviations_ <= 0 || recent_.size() < kEnough) return {};
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

void LossGuard::accept(double loss) {
  if (recent_.size() < kWindow)
    recent_.push_back(loss);
  else
    recent_[next_] = loss;
  next_ = (next_ + 1) % kWindow;
}

nlohmann::json LossGuard::state() const { return {{"recent", recent_}, {"next", next_}}; }

void LossGuard::restore(const nlohmann::json& state) {
  recent_ = state.at("recent").get<std::vector<double>>();
  next_ = state.at("next").get<std::size_t>();
  if (recent_.size() > kWindow || next_ >= kWindow)
    throw std::runtime_error("a checkpoint's window of losses is malformed");
}

}  // namespace lehr::lm
