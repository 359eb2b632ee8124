// For the crash tests: a stage that writes numbers and keeps durable state, so that it can go on
// wherever it was killed, and one that copies what the first has made.
#include <lehr/plugin.h>

#include <chrono>
#include <fstream>
#include <string>
#include <thread>

namespace {

class Tally : public lehr::Stage {
 public:
  void describe(lehr::Description& d) override {
    d.summary("writes the numbers up to `lines`, resumably");
    d.output("documents", "documents").self("T");
    d.count("lines", lines_).at_least(1);
    d.count("every", every_).at_least(1).no_effect().help("lines between two states");
    d.boolean("hold", hold_).no_effect().help("after the first state, wait to be asked to stop");
  }

  void run(lehr::Context& context) override {
    const auto path = context.output("documents") / "train-00000.jsonl";
    std::int64_t line = 0;
    if (const auto state = context.latest_state()) std::ifstream(state->path / "line") >> line;
    std::ofstream out(path, std::ios::app);
    for (; line < lines_; ++line) {
      if (line % every_ == 0) {
        out.flush();
        std::ofstream(context.begin_state() / "line") << line << '\n';
        context.commit_state(std::to_string(line));
        context.progress(line, lines_, "lines");
        context.metric(line, "lines/done", static_cast<double>(line));
        while (hold_ && !context.cancelled())
          std::this_thread::sleep_for(std::chrono::milliseconds(5));
        if (context.cancelled()) throw lehr::Cancelled();
      }
      out << "{\"id\":\"" << line << "\",\"text\":\"number " << line << "\"}\n";
    }
    if (!out.flush()) throw lehr::Error("cannot write '" + path.string() + "'");
    context.result("lines", static_cast<double>(lines_));
  }

 private:
  std::int64_t lines_ = 1000, every_ = 100;
  bool hold_ = false;
};

class Copy : public lehr::Stage {
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

}  // namespace

LEHR_PLUGIN(lehr::Plugin("tally", "1.0.0")
                .summary("for the crash tests")
                .license("Apache-2.0")
                .stage<Tally>("tally")
                .stage<Copy>("copy"))
