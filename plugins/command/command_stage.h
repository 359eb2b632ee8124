// The stage `command.run`: any program, keyed, cached and isolated like every other stage.
#pragma once

#include <lehr/plugin.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace lehr::plugins::command {

class CommandStage : public Stage {
 public:
  void describe(Description& d) override;
  void check() override;
  void run(Context& context) override;

 private:
  std::vector<std::string> arguments() const;
  std::vector<std::string> environment(const Context& context) const;

  std::optional<std::string> program_, script_;
  std::vector<std::string> args_, files_;
  std::map<std::string, std::string> env_;
  double grace_ = 20;
};

// LEHR_INPUT_RAW_DATA for the port "raw-data".
std::string variable_name(std::string_view prefix, std::string_view port);

}  // namespace lehr::plugins::command
