#include "conformance/report.h"

#include <algorithm>

namespace lehr::conformance {
namespace {

const char* name(Verdict verdict) {
  return verdict == Verdict::passed   ? "passed"
         : verdict == Verdict::failed ? "failed"
                                      : "not applicable";
}

const char* color_of(Verdict verdict) {
  return verdict == Verdict::passed   ? "\033[32m"
         : verdict == Verdict::failed ? "\033[1;31m"
                                      : "\033[2m";
}

std::string indented(std::string text, const std::string& indent) {
  for (std::size_t at = 0; (at = text.find('\n', at)) != std::string::npos; at += indent.size() + 1)
    text.insert(at + 1, indent);
  return indent + text;
}

}  // namespace

std::size_t Report::count(Verdict verdict) const {
  return static_cast<std::size_t>(
      std::count_if(findings_.begin(), findings_.end(),
                    [&](const Finding& finding) { return finding.verdict == verdict; }));
}

std::string Report::text(bool color) const {
  std::vector<std::string> items;  // in order of appearance
  for (const Finding& f : findings_)
    if (std::find(items.begin(), items.end(), f.item) == items.end()) items.push_back(f.item);
  std::string out;
  for (const std::string& item : items) out += section(item, color) + "\n";
  return out + std::to_string(count(Verdict::passed)) + " passed, " +
         std::to_string(count(Verdict::failed)) + " failed, " +
         std::to_string(count(Verdict::not_applicable)) + " not applicable\n";
}

std::string Report::section(const std::string& item, bool color) const {
  std::string out = item + "\n";
  for (const Finding& f : findings_) {
    if (f.item != item) continue;
    std::string verdict = name(f.verdict);
    verdict.resize(14, ' ');
    out += "  " + (color ? color_of(f.verdict) + verdict + "\033[0m" : verdict) + "  " + f.check;
    if (f.verdict != Verdict::failed && !f.detail.empty()) out += ": " + f.detail;
    out += "\n";
    if (f.verdict == Verdict::failed) out += indented(f.detail, std::string(18, ' ')) + "\n";
  }
  return out;
}

nlohmann::ordered_json Report::json() const {
  nlohmann::ordered_json out = nlohmann::ordered_json::array();
  for (const Finding& f : findings_) {
    out.push_back({{"item", f.item}, {"check", f.check}, {"verdict", name(f.verdict)}});
    if (!f.detail.empty()) out.back()["detail"] = f.detail;
  }
  return out;
}

}  // namespace lehr::conformance
