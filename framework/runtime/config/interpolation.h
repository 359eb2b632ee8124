// ${vars.x}, ${matrix.x} and ${env.X} in scalars. A lone reference takes over the value with its
// type ("${vars.vocab}" is the number 4096); within a text the value's text is put in.
// ${env.X:-text} is the environment variable X, or the text where X is not set or empty. $${ stands
// for a plain ${.
#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "runtime/config/diagnostics.h"
#include "runtime/config/node.h"

namespace lehr::runtime {

class Interpolation {
 public:
  // `vars`: the map, or null. Variables may use each other, without a cycle.
  Interpolation(NodePtr vars, Diagnostics& diagnostics)
      : vars_(std::move(vars)), diagnostics_(diagnostics) {}

  // Values that ${matrix.name} stands for from now on, in place of those before.
  void set_matrix(std::map<std::string, NodePtr> values);
  // The names of set_matrix that were used since.
  const std::set<std::string>& used_matrix() const { return used_matrix_; }

  // Reports what is wrong in variables although nothing may use them; but for what a matrix or the
  // environment would tell. After all else.
  void check_variables();

  // The tree with every reference replaced. What cannot be is reported, and marked bad.
  NodePtr resolve(const NodePtr& node);

 private:
  // ${path}, the "${" of that number in the text of `user`.
  struct Use {
    std::string_view path;
    const Node& user;
    std::size_t number;
  };
  static Origin place_of(const Use& use);
  NodePtr scalar(const NodePtr& node);
  NodePtr environment(const Use& use);
  NodePtr lookup(const Use& use);

  NodePtr vars_;
  Diagnostics& diagnostics_;
  std::map<std::string, NodePtr> matrix_;
  std::set<std::string> used_matrix_;
  std::size_t matrix_lookups_ = 0;
  bool in_use_ = true;
  // "vars.x" -> value, where that is the same in all stages.
  std::map<std::string, NodePtr, std::less<>> resolved_;
  std::set<std::string, std::less<>> resolving_;
};

}  // namespace lehr::runtime
