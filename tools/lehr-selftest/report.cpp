#include "report.h"

#include <cstdio>

namespace lehr::selftest {
namespace {

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2g", value);
  return text;
}

std::string duration(double seconds) {
  char text[32];
  std::snprintf(text, sizeof text, seconds < 1 ? "%.0fms" : "%.1fs",
                seconds < 1 ? 1e3 * seconds : seconds);
  return text;
}

std::string row(const char* verdict, const char* check, const char* precision,
                const std::string& difference, const std::string& most, const std::string& time,
                const char* promise) {
  char text[256];
  std::snprintf(text, sizeof text, "%-6s  %-12s  %-9s  %10s  %7s  %6s  %s\n", verdict, check,
                precision, difference.c_str(), most.c_str(), time.c_str(), promise);
  return text;
}

std::string indented(const std::string& text) {
  std::string out = "        -> ";
  for (const char c : text) out += c == '\n' ? std::string("\n           ") : std::string(1, c);
  return out.substr(0, out.find_last_not_of(" \n") + 1) + "\n";
}

// Why it failed, in words.
std::string reason(const Finding& finding) {
  return finding.measured ? finding.measured->where : finding.failure;
}

}  // namespace

std::string heading() {
  std::string out = row("", "check", "precision", "difference", "at most", "time", "");
  return out.substr(0, out.find_last_not_of(" \n") + 1) + "\n";
}

std::string line(const Finding& finding, bool color) {
  std::string out =
      row(finding.good() ? "ok" : "FAILED", finding.check.name,
          lm::precision_name(finding.precision).c_str(),
          finding.measured ? number(finding.measured->difference) : "none",
          number(finding.tolerance), duration(finding.seconds), finding.check.promise);
  if (color) out = (finding.good() ? "\033[32m" : "\033[1;31m") + out.insert(6, "\033[0m");
  return finding.good() ? out : out + indented(reason(finding));
}

std::string summary(std::size_t checked, std::size_t failed, double seconds) {
  const std::string all = std::to_string(checked);
  return (failed == 0 ? checked == 1 ? "it holds" : "all " + all + " hold"
                      : std::to_string(failed) + " of " + all + " failed") +
         ", " + duration(seconds) + "\n";
}

nlohmann::ordered_json json_of(const Finding& finding) {
  nlohmann::ordered_json out = {{"check", finding.check.name},
                                {"promise", finding.check.promise},
                                {"precision", lm::precision_name(finding.precision)},
                                {"ok", finding.good()},
                                {"difference", nullptr},
                                {"at_most", finding.tolerance},
                                {"seconds", finding.seconds}};
  if (finding.measured) out["difference"] = finding.measured->difference;
  if (!finding.good()) out["reason"] = reason(finding);
  return out;
}

}  // namespace lehr::selftest
