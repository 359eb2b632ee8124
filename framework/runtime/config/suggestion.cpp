#include "runtime/config/suggestion.h"

#include <algorithm>
#include <cctype>
#include <numeric>

namespace lehr::runtime {
namespace {

std::string folded(std::string_view text) {
  std::string out;
  for (const char c : text)
    out += c == '-' ? '_' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

// "lr" of "learning_rate".
std::string initials(std::string_view name) {
  std::string out;
  for (std::size_t i = 0; i < name.size(); ++i)
    if (i == 0 || name[i - 1] == '_') out += name[i];
  return out;
}

// Optimal string alignment distance.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1), last(b.size() + 1), now(b.size() + 1);
  std::iota(last.begin(), last.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    now[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      now[j] = std::min({last[j] + 1, now[j - 1] + 1, last[j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        now[j] = std::min(now[j], before[j - 2] + 1);
    }
    before.swap(last);
    last.swap(now);
  }
  return last[b.size()];
}

}  // namespace

std::string nearest_name(std::string_view name, const std::vector<std::string>& candidates) {
  if (name.empty() || name.size() > 100) return {};
  const std::string wanted = folded(name);
  std::string best;
  std::size_t best_distance =
      std::max<std::size_t>(1, std::min<std::size_t>(4, name.size() / 3)) + 1;
  for (const std::string& candidate : candidates) {
    const std::string other = folded(candidate);
    std::size_t d = distance(wanted, other);
    // "vocab" for "vocab_size", "train" for "tokenizer.train".
    const bool part = wanted.size() >= 3 && (other.starts_with(wanted) || other.ends_with(wanted));
    if (part || (wanted.size() >= 2 && initials(other) == wanted)) d = std::min<std::size_t>(d, 1);
    if (d < best_distance) best_distance = d, best = candidate;
  }
  return best;
}

std::string suggestion(std::string_view name, const std::vector<std::string>& candidates,
                       std::size_t list_at_most) {
  if (const std::string best = nearest_name(name, candidates); !best.empty())
    return " Did you mean '" + best + "'?";
  if (candidates.empty() || candidates.size() > list_at_most) return {};
  std::string out = " It can be ";
  for (std::size_t i = 0; i < candidates.size(); ++i)
    out += (i == 0 ? "'" : i + 1 == candidates.size() ? " or '" : ", '") + candidates[i] + "'";
  return out + ".";
}

}  // namespace lehr::runtime
