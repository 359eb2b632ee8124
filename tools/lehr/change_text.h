// What differs between two sets of key parts, as people read it: `lehr explain`, `lehr compare`.
//
//   parameter  beta: 0.1 -> 0.2  (quickstart.yaml:66:12)
//   parameter  steps:
//                + [1] filter.length, min_words: 3  (quickstart.yaml:24:11)
//                ~ [2] filter.exact_dedup, keep: "first" -> "last"  (quickstart.yaml:25:11)
//   input      documents: clean 0123456789 -> clean abcdef0123
//   code       plugin filter: 0123456789 -> abcdef0123
//   library    libtorch_cpu.so: build-id 0123456789 -> build-id abcdef0123
//
// Long values are shown around the first difference; texts of several lines and lists that grew or
// shrank as the lines or elements that came and went.
#pragma once

#include <string>
#include <vector>

#include "runtime/plan/plan.h"

namespace lehr::cli {

// One line or more each; the places of `before` are shown if they are known and others.
// Parts that begin with `ignored_prefix` are left out. Each line begins with `indent`.
std::string change_text(const std::vector<runtime::KeyPart>& before,
                        const std::vector<runtime::KeyPart>& after,
                        const std::string& ignored_prefix, const std::string& indent);

}  // namespace lehr::cli
