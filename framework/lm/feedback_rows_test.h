// Feedback as tests write it.
#pragma once

#include <string>
#include <vector>

namespace lehr::lm {

struct Judged {
  std::string asked, answer;
  bool good;
};

// A line each.
inline std::string feedback_rows(const std::vector<Judged>& all) {
  std::string rows;
  for (const Judged& row : all)
    rows += R"({"prompt":[{"role":"user","content":")" + row.asked +
            R"("}],"completion":[{"role":"assistant","content":")" + row.answer +
            R"("}],"label":)" + (row.good ? "true" : "false") + "}\n";
  return rows;
}

}  // namespace lehr::lm
