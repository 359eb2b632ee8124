// Models for other programs: a Hugging Face folder in a smaller number type, or one GGUF file for
// llama.cpp and what is built on it.
#pragma once

#include <lehr/plugin.h>

#include <string>

namespace lehr::plugins::export_model {

class ExportHf : public Stage {
 public:
  void describe(Description& d) override;
  void run(Context& context) override;

 private:
  std::string dtype_ = "bf16";
};

class ExportGguf : public Stage {
 public:
  void describe(Description& d) override;
  void run(Context& context) override;

 private:
  std::string type_ = "f16";
  std::string name_ = "model";
};

}  // namespace lehr::plugins::export_model
