#include "table.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "comparison.h"
#include "verdict.h"

namespace lehr::plugins::evaluate {
namespace {

// First `width` characters (not bytes) of a text without line breaks, then padding.
std::string cell(std::string text, std::size_t width) {
  std::ranges::replace(text, '\n', ' ');
  std::size_t characters = 0, at = 0;
  while (at < text.size() && characters < width) {
    ++at;
    while (at < text.size() && (text[at] & 0xC0) == 0x80) ++at;
    ++characters;
  }
  text.resize(at);
  return text + std::string(width - characters, ' ');
}

// "35.3", and the ends as "0" and "100".
std::string percent(double share) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", 100 * share);
  for (const char* end : {"0", "100"})
    if (text == std::string(end) + ".0") return end;
  return text;
}

// "35.3 33.2–37.4": a share of n, and where it may lie.
std::string percent(double share, double n) {
  if (n == 0) return "-";
  const Interval interval = wilson_interval(share, n);
  const std::string value = percent(share);
  return std::string(4 - std::min<std::size_t>(value.size(), 4), ' ') + value + " " +
         percent(interval.low) + "–" + percent(interval.high);
}

// `count` probes of a kind, evenly spread.
std::vector<std::size_t> chosen(std::span<const text::Probe> probes, std::string_view kind,
                                std::size_t count) {
  std::vector<std::size_t> all;
  for (std::size_t i = 0; i < probes.size(); ++i)
    if (probes[i].kind == kind) all.push_back(i);
  std::vector<std::size_t> out;
  for (std::size_t k = 0; k < std::min(count, all.size()); ++k)
    out.push_back(all[k * all.size() / count]);
  return out;
}

}  // namespace

std::string render_table(std::span<const Examined> models, const Examined* other,
                         std::span<const text::Probe> probes, std::size_t samples) {
  constexpr std::size_t kName = 36;
  std::size_t label = 12;
  for (const Examined& m : models)
    label = std::max(label, std::min<std::size_t>(m.label.size(), 28));
  const std::size_t width = std::max(
      std::clamp<std::size_t>((100 - kName) / std::max<std::size_t>(models.size(), 1), 16, 20),
      label + 2);
  std::string out;
  const auto line = [&](std::string_view name, auto value) {
    out += cell(std::string(name), kName);
    for (const Examined& m : models) out += cell(value(m), width);
    while (out.back() == ' ') out.pop_back();
    out += '\n';
  };
  if (models.empty()) return out;
  const Scores& n = models.front().scores;
  const double asked = n.answers + n.unknowable;
  const auto number = [](double v) { return std::to_string(static_cast<long long>(v)); };
  line("%, and its 95 % interval", [](const Examined& m) { return m.label; });
  out += std::string(kName + width * models.size(), '-') + "\n";
  line("right completion of a text (" + number(n.next) + ")",
       [](const Examined& m) { return percent(m.scores.completion, m.scores.next); });
  line("right one of the choices (" + number(n.with_choices) + ")",
       [](const Examined& m) { return percent(m.scores.choice, m.scores.with_choices); });
  line("exact answer (" + number(n.answers) + " questions)",
       [](const Examined& m) { return percent(m.scores.accuracy, m.scores.answers); });
  line("in format (" + number(asked) + ")",
       [&](const Examined& m) { return percent(m.scores.format, asked); });
  line("says so when it cannot know (" + number(n.unknowable) + ")",
       [](const Examined& m) { return percent(m.scores.refusal, m.scores.unknowable); });
  line("refuses what it could know",
       [](const Examined& m) { return percent(m.scores.over_refusal, m.scores.answers); });
  line("good: right, or refused; in format",
       [&](const Examined& m) { return percent(m.scores.good, asked); });
  line("tokens per answer", [](const Examined& m) {
    char text[16];
    std::snprintf(text, sizeof text, "%4.1f", m.scores.length);
    return std::string(text);
  });
  const auto doubted = [](const Examined& m) { return m.scores.doubted > 0; };
  if (std::ranges::any_of(models, doubted))
    line("right answers kept when doubted",
         [](const Examined& m) { return percent(m.scores.steady, m.scores.doubted); });
  const auto have_scores = [](const Examined& m) { return mean_score(m.outcomes).has_value(); };
  if (std::ranges::any_of(models, have_scores))
    line("score by the judge", [](const Examined& m) {
      char text[16];
      std::snprintf(text, sizeof text, "%4.2f", mean_score(m.outcomes).value_or(0));
      return std::string(text);
    });
  if (other != nullptr) {
    // share(comparison) is {part, of}.
    const auto compared = [&](std::string_view name, auto share) {
      line(name, [&](const Examined& m) {
        if (&m == other) return std::string("-");
        const auto [part, of] = share(compare(m.outcomes, other->outcomes));
        return of > 0 ? percent(part / of, of) : std::string("-");
      });
    };
    out += "beside " + other->label + ":\n";
    using Share = std::pair<double, double>;
    compared("  win rate, where one is right", [](const Comparison& c) {
      return Share{c.wins, c.differ()};
    });
    compared("  kept of what that had right", [](const Comparison& c) {
      return Share{c.kept, c.could()};
    });
    if (std::ranges::any_of(models, have_scores))
      compared("  preferred by the judge", [](const Comparison& c) {
        return Share{c.preferred, c.judged()};
      });
  }
  for (const char* kind : {"answer", "unknowable", "next"})
    for (const std::size_t i : chosen(probes, kind, samples)) {
      const text::Probe& probe = probes[i];
      out += "\n" + (probe.kind == "next" ? probe.text + " ..." : probe.prompt.back().content);
      if (kind != std::string_view("unknowable")) out += "   [" + probe.answers.front() + "]";
      out += '\n';
      for (const Examined& m : models) {
        const Outcome& outcome = m.outcomes[i];
        std::string row = "  " + cell(m.label, label + 2) + (outcome.right ? "+ " : "- ") +
                          cell(outcome.answer, 80);
        while (row.back() == ' ') row.pop_back();
        out += row + "\n";
      }
    }
  return out;
}

}  // namespace lehr::plugins::evaluate
