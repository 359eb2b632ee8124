// What the conformance kit found: one line per promise.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace lehr::conformance {

enum class Verdict { passed, failed, not_applicable };

struct Finding {
  std::string item;   // "plugin", "stage acme.count"
  std::string check;  // the promise: "same seed, same bytes"
  Verdict verdict;
  std::string detail;  // failed: what was seen and how to fix it; not applicable: why
};

class Report {
 public:
  void passed(const std::string& item, const std::string& check, const std::string& detail = "") {
    findings_.push_back({item, check, Verdict::passed, detail});
  }
  void failed(const std::string& item, const std::string& check, const std::string& detail) {
    findings_.push_back({item, check, Verdict::failed, detail});
  }
  void not_applicable(const std::string& item, const std::string& check,
                      const std::string& detail) {
    findings_.push_back({item, check, Verdict::not_applicable, detail});
  }
  // Passed if `problem` is empty.
  void judge(const std::string& item, const std::string& check, const std::string& problem) {
    problem.empty() ? passed(item, check) : failed(item, check, problem);
  }

  std::size_t count(Verdict verdict) const;
  std::string text(bool color) const;   // by item
  nlohmann::ordered_json json() const;  // [{"item", "check", "verdict", "detail"}]

 private:
  std::string section(const std::string& item, bool color) const;
  std::vector<Finding> findings_;
};

}  // namespace lehr::conformance
