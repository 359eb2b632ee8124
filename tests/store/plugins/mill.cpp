// For the store tests: a stage that makes documents, two that copy them, and two that promise
// nothing. MILL_GRAIN in the environment, which is no part of a key, makes them break promises.
#include <lehr/plugin.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

#ifndef MILL_TEXT
#define MILL_TEXT "flour"
#endif

namespace {

std::string grain() {
  const char* grain = std::getenv("MILL_GRAIN");
  return grain == nullptr ? "" : grain;
}

class Grind : public lehr::Stage {
 public:
  void describe(lehr::Description& d) override {
    d.summary("writes lines");
    d.output("documents", "documents").self("T");
    d.count("lines", lines_).at_least(1);
    d.input_path("extra", extra_);
  }
  void run(lehr::Context& context) override {
    std::ofstream out(context.output("documents") / "train-00000.jsonl");
    for (std::int64_t i = 0; i < lines_; ++i)
      out << "{\"id\":\"" << i << "\",\"text\":\"" MILL_TEXT << (i + 1 == lines_ ? grain() : "")
          << "\"}\n";
#ifdef MILL_REBUILT
    context.info("rebuilt");
#endif
    context.result("weight", static_cast<double>(lines_));
  }

 private:
  std::int64_t lines_ = 3;
  std::optional<std::string> extra_;
};

class Sift : public lehr::Stage {
 public:
  void describe(lehr::Description& d) override {
    d.summary("copies documents");
    d.input("documents", "documents").self("T");
    d.output("documents", "documents").facet("source", "T");
  }
  void run(lehr::Context& context) override {
    for (const auto& entry : std::filesystem::directory_iterator(context.input("documents").path))
      if (entry.path().extension() == ".jsonl")
        std::filesystem::copy_file(entry.path(),
                                   context.output("documents") / entry.path().filename());
  }
};

class Pass : public lehr::Stage {
 public:
  void describe(lehr::Description& d) override {
    d.summary("gives on what it gets: the same artifact");
    d.input("documents", "documents");
    d.output("documents", "documents");
  }
  void run(lehr::Context& context) override {
    std::filesystem::copy_file(context.input("documents").path / "train-00000.jsonl",
                               context.output("documents") / "train-00000.jsonl");
  }
};

class Guess : public lehr::Stage {
 public:
  void describe(lehr::Description& d) override {
    d.summary("promises nothing").determinism(lehr::Determinism::none);
    d.input("documents", "documents");
    d.output("evaluation", "evaluation");
  }
  void run(lehr::Context& context) override {
    const double guess = grain().empty() ? 100 : std::stod(grain());
    const auto read = context.input("documents").path / "train-00000.jsonl";
    std::ofstream(context.output("evaluation") / "guess.txt")
        << guess << " of " << std::filesystem::file_size(read);
    context.result("guess", guess);
  }
};

class Mumble : public lehr::Stage {
 public:
  void describe(lehr::Description& d) override {
    d.summary("promises nothing and reports nothing").determinism(lehr::Determinism::none);
    d.output("documents", "documents");
  }
  void run(lehr::Context& context) override {
    std::ofstream(context.output("documents") / "train-00000.jsonl")
        << "{\"id\":\"0\",\"text\":\"" << grain() << "\"}\n";
  }
};

}  // namespace

LEHR_PLUGIN(lehr::Plugin("mill", "1.0.0")
                .summary("for the store tests")
                .license("Apache-2.0")
                .stage<Grind>("grind")
                .stage<Sift>("sift")
                .stage<Pass>("pass")
                .stage<Guess>("guess")
                .stage<Mumble>("mumble"))
