#include "page.h"

#include <algorithm>
#include <cstdio>

#include "runtime/run/human_text.h"
#include "text/visible_text.h"

namespace lehr::data {
namespace {

using text::visible;

constexpr const char* kStyle =
#include "page_style.inc"
    ;

// Also what a browser would swallow or obey: control characters and direction marks are shown.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : visible(text)) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '"')
      out += "&quot;";
    else if (c == '\'')
      out += "&#39;";
    else
      out += c;
  }
  return out;
}

std::string fixed(double value, int digits = 1) {
  char text[40];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

std::string count(std::uint64_t value) {
  return value < 10000 ? std::to_string(value) : runtime::count_text(static_cast<double>(value));
}

std::string range(const Distribution::Bar& bar) {
  return bar.low == bar.high ? count(bar.low) : count(bar.low) + " to " + count(bar.high);
}

// Bars over half octaves of size; height is the count.
std::string histogram(const std::string& split, const Distribution& distribution) {
  constexpr double kWidth = 360, kHeight = 150, kBase = 128, kTop = 14, kLabel = 40;
  const auto bars = distribution.bars();
  std::uint64_t most = 1;
  for (const auto& bar : bars) most = std::max(most, bar.count);
  const double step = kWidth / static_cast<double>(bars.size());
  const std::size_t labels = std::max<std::size_t>(1, (bars.size() + 5) / 6);
  std::string out = "<svg viewBox=\"0 0 " + fixed(kWidth, 0) + " " + fixed(kHeight, 0) +
                    "\" role=\"img\"><text x=\"0\" y=\"10\">" + count(most) + "</text>";
  for (std::size_t i = 0; i < bars.size(); ++i) {
    const double height = (kBase - kTop) * static_cast<double>(bars[i].count) / most;
    const double x = step * static_cast<double>(i);
    out += "<rect class=\"" + split + "\" x=\"" + fixed(x + 0.5) + "\" y=\"" +
           fixed(kBase - height) + "\" width=\"" + fixed(std::max(1.0, std::min(step - 1, 48.0))) +
           "\" height=\"" + fixed(height) + "\"><title>" + range(bars[i]) + ": " +
           std::to_string(bars[i].count) + "</title></rect>";
    if (i % labels == 0) {
      const bool fits = x + kLabel <= kWidth;
      out += "<text y=\"144\" x=\"" + (fits ? fixed(x) : fixed(kWidth) + "\" text-anchor=\"end") +
             "\">" + count(bars[i].low) + "</text>";
    }
  }
  return out +
         "<line x1=\"0\" x2=\"360\" y1=\"128.5\" y2=\"128.5\" stroke=\"currentColor\" "
         "stroke-opacity=\".25\"/></svg>";
}

std::string panel_card(const Panel& panel) {
  std::string out;
  for (const auto& [split, distribution] : panel.splits) {
    out += "<div class=card><h3>" + escaped(panel.title) + " <span class=soft>" + split +
           "</span></h3><div class=soft>" + escaped(panel.unit) + "</div>" +
           histogram(split, distribution) + "<div class=\"soft small\">mean " +
           runtime::number_text(distribution.mean()) + " · median " +
           count(distribution.quantile(0.5)) + " · 90 % up to " +
           count(distribution.quantile(0.9)) + " · 99 % up to " +
           count(distribution.quantile(0.99)) + " · largest " + count(distribution.largest()) +
           "</div></div>";
  }
  return out;
}

std::string bar_cell(double share) {
  return "<td class=bar><span style=\"width:" + fixed(100 * share, 2) + "%\"></span></td>";
}

std::string source_table(const text::DocumentSummary& summary) {
  double bytes = 0, tokens = 0;
  for (const auto& [name, share] : summary.sources()) {
    bytes += static_cast<double>(share.bytes);
    tokens += static_cast<double>(share.tokens);
  }
  std::string out =
      "<h2>Sources</h2><div class=card><table><tr><th>source<th class=n>share<th class=bar>"
      "<th class=n>epochs<th class=n>documents<th class=n>text";
  if (tokens > 0) out += "<th class=n>tokens";
  for (const auto& [name, s] : summary.sources()) {
    const double part = tokens > 0  ? static_cast<double>(s.tokens) / tokens
                        : bytes > 0 ? static_cast<double>(s.bytes) / bytes
                                    : 0;
    out += "<tr><td>" + escaped(name) + "<td class=n>" + fixed(100 * part, 2) + " %" +
           bar_cell(part) + "<td class=n>" + fixed(s.epochs, 2) + "<td class=n>" +
           count(s.documents) + "<td class=n>" + runtime::bytes_text(s.bytes);
    if (tokens > 0) out += "<td class=n>" + count(s.tokens);
  }
  return out + "</table></div>";
}

std::string amount_table(const TextTable& table) {
  TextRow all;
  for (const TextRow& row : table.rows) {
    all.documents += row.documents;
    all.bytes += row.bytes;
    all.tokens += row.tokens;
  }
  std::string out = "<h2>" + escaped(table.title) + "</h2><div class=card><table><tr><th>" +
                    escaped(table.names) + "<th class=n>share<th class=bar>";
  if (all.documents > 0) out += "<th class=n>documents";
  out += "<th class=n>text";
  if (all.tokens > 0) out += "<th class=n>tokens<th class=n>bytes per token";
  for (const TextRow& row : table.rows) {
    const double share =
        all.bytes > 0 ? static_cast<double>(row.bytes) / static_cast<double>(all.bytes) : 0;
    out += "<tr><td>" + escaped(row.name) + "<td class=n>" + fixed(100 * share, 2) + " %" +
           bar_cell(share);
    if (all.documents > 0) out += "<td class=n>" + count(row.documents);
    out += "<td class=n>" + runtime::bytes_text(row.bytes);
    if (all.tokens > 0)
      out += "<td class=n>" + count(row.tokens) + "<td class=n>" +
             (row.tokens > 0
                  ? fixed(static_cast<double>(row.bytes) / static_cast<double>(row.tokens), 2)
                  : "");
  }
  return out + "</table></div>";
}

std::string score_table(const std::vector<ScoreRow>& scores) {
  std::string out =
      "<h2>Scores</h2><p class=soft>What the steps measured: so many of the documents have at most "
      "this.</p><div class=card><table><tr><th>step and measure<th class=n>documents";
  for (const double q : kScoreQuantiles) out += "<th class=n>" + fixed(100 * q, 0) + " %";
  for (const ScoreRow& row : scores) {
    out += "<tr><td>" + escaped(row.name) + "<td class=n>" + count(row.documents);
    for (const double value : row.quantiles) out += "<td class=n>" + runtime::number_text(value);
  }
  return out + "</table></div>";
}

std::string length_table(const std::vector<LengthRow>& rows) {
  std::string out =
      "<h2>Which answer is longer</h2><p class=soft>Where it is nearly always the chosen one, a "
      "model may learn no more than that.</p><div class=card><table><tr><th>source"
      "<th class=n>preferences<th class=n>chosen is longer<th class=bar><th class=n>rejected is "
      "longer<th class=n>equally long";
  for (const LengthRow& row : rows) {
    const auto all = static_cast<double>(std::max<std::uint64_t>(1, row.preferences()));
    const auto share = [&](std::uint64_t part) { return static_cast<double>(part) / all; };
    const auto percent = [&](std::uint64_t part) {
      return "<td class=n>" + fixed(100 * share(part)) + " %";
    };
    out += "<tr><td>" + escaped(row.source) + "<td class=n>" + count(row.preferences()) +
           percent(row.chosen_longer) + bar_cell(share(row.chosen_longer)) +
           percent(row.rejected_longer) + percent(row.alike);
  }
  return out + "</table></div>";
}

std::string drop_table(const text::DocumentSummary& summary) {
  std::uint64_t dropped = 0;
  for (const auto& [reason, drops] : summary.drops()) dropped += drops.documents;
  const bool kept = summary.only_would_drop();
  const std::uint64_t all_documents = (kept ? 0 : dropped) + summary.documents_out();
  const auto all = static_cast<double>(all_documents);
  std::vector<std::pair<std::string, text::Drops>> order(summary.drops().begin(),
                                                         summary.drops().end());
  std::stable_sort(order.begin(), order.end(), [](const auto& a, const auto& b) {
    return a.second.documents > b.second.documents;
  });
  std::string out = (kept ? "<h2>Would be dropped</h2>" : "<h2>Dropped</h2>") +
                    ("<p class=soft>" + std::to_string(dropped)) + " of " +
                    std::to_string(all_documents) + " documents (" +
                    fixed(all > 0 ? 100 * static_cast<double>(dropped) / all : 0, 2) +
                    (kept ? " %) would be dropped." : " %) were dropped.") +
                    "</p><div class=\"card drops\"><table><tr><th>reason"
                    "<th class=n>documents<th class=n>share<th class=bar>";
  for (const auto& [reason, drops] : order) {
    const double share = static_cast<double>(drops.documents) / all;
    out += "<tr><td>" + escaped(reason) + "<td class=n>" + std::to_string(drops.documents) +
           "<td class=n>" + fixed(100 * share, 2) + " %" + bar_cell(share);
  }
  out += std::string("</table></div><h2>Examples of what ") + (kept ? "would be" : "was") +
         " dropped</h2><div class=card>";
  for (const auto& [reason, drops] : order) {
    out += "<details><summary>" + escaped(reason) + " <span class=soft>" +
           std::to_string(drops.examples.size()) + " of " + std::to_string(drops.documents) +
           "</span></summary>";
    for (const auto& example : drops.examples)
      out += "<div class=soft>" + escaped(example.id) + "</div><pre>" + escaped(example.text) +
             "</pre>";
    out += "</details>";
  }
  return out + "</div>";
}

// Of kinds that were looked for, also those that were not found.
std::string replace_table(const text::DocumentSummary& summary) {
  std::uint64_t most = 1, all = 0;
  for (const auto& [kind, pieces] : summary.replaced()) {
    most = std::max(most, pieces);
    all += pieces;
  }
  const auto documents = static_cast<double>(std::max<std::uint64_t>(1, summary.documents_in()));
  std::string out =
      "<h2>Replaced</h2><p class=soft>" + std::to_string(all) + (all == 1 ? " piece" : " pieces") +
      " of text had others put in their place; these are no drops.</p><div "
      "class=\"card drops\"><table><tr><th>kind<th class=n>pieces<th class=n>for 1,000 "
      "documents read<th class=bar>";
  for (const auto& [kind, pieces] : summary.replaced())
    out += "<tr><td>" + escaped(kind) + "<td class=n>" + std::to_string(pieces) + "<td class=n>" +
           fixed(1000 * static_cast<double>(pieces) / documents, 2) +
           bar_cell(static_cast<double>(pieces) / static_cast<double>(most));
  return out + "</table></div>";
}

}  // namespace

std::string page(const Request& request, const Statistics& statistics) {
  std::string out =
      "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport "
      "content=\"width=device-width,initial-scale=1\"><title>" +
      escaped(request.title) + "</title><style>" + kStyle + "</style><main><h1>" +
      escaped(request.title) + "</h1><div class=soft>" + escaped(request.type) + " · " +
      escaped(request.made_by) + "</div><div class=facts>";
  for (const auto& [name, value] : statistics.facts)
    out += "<div class=fact><b>" + escaped(value) + "</b>" + escaped(name) + "</div>";
  out += "</div>";
  if (!statistics.panels.empty()) {
    out += "<h2>Sizes</h2><div class=grid>";
    for (const Panel& panel : statistics.panels) out += panel_card(panel);
    out += "</div>";
  }
  for (const TextTable& table : statistics.amounts) out += amount_table(table);
  if (!statistics.scores.empty()) out += score_table(statistics.scores);
  if (!statistics.lengths.empty()) out += length_table(statistics.lengths);
  if (statistics.summary && !statistics.summary->sources().empty())
    out += source_table(*statistics.summary);
  if (statistics.summary && !statistics.summary->drops().empty())
    out += drop_table(*statistics.summary);
  if (statistics.summary && !statistics.summary->replaced().empty())
    out += replace_table(*statistics.summary);
  if (!statistics.examples.empty()) {
    out += "<h2>Examples</h2><div class=card>";
    for (const ShownDocument& example : statistics.examples)
      out += "<details open><summary>" + escaped(example.id) + "</summary><pre>" +
             escaped(example.text) + "</pre></details>";
    out += "</div>";
  }
  return out + "</main></html>\n";
}

}  // namespace lehr::data
