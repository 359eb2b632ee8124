// A stage for the crash tests: writes numbers, one a line, and keeps durable state every `every` lines, so that it
// can go on wherever it was killed; a step and a reward beside it.
#include <lehr/plugin.h>

#include <fstream>
#include <string>

namespace {

class Tally : public lehr::Stage {
 public:
  void describe(lehr::Description& d) override {
    d.summary("writes the numbers up to `lines`, resumably");
    d.output("documents", "documents").self("T");
    d.count("lines", lines_).at_least(1);
    d.count("every", every_).at_least(1).no_effect();
  }

  void run(lehr::Context& context) override {
    const auto path = context.output("documents") / "train-00000.jsonl";
    std::int64_t line = 0;
    if (const auto state = context.latest_state()) {
      std::ifstream(state->path / "line") >> line;
      context.info("going on at line " + std::to_string(line));
    }
    std::ofstream out(path, std::ios::app);
    for (; line < lines_; ++line) {
      if (line % every_ == 0) {
        out.flush();
        std::ofstream(context.begin_state() / "line") << line << '\n';
        context.commit_state(std::to_string(line));
        context.progress(line, lines_, "lines");
        context.metric(line, "lines/done", static_cast<double>(line));
        if (context.cancelled()) throw lehr::Cancelled();
      }
      out << "{\"id\":\"" << line << "\",\"text\":\"number " << line << "\"}\n";
    }
    if (!out.flush()) throw lehr::Error("cannot write '" + path.string() + "'");
    context.result("lines", static_cast<double>(lines_));
  }

 private:
  std::int64_t lines_ = 1000, every_ = 100;
};

}  // namespace

LEHR_PLUGIN(lehr::Plugin("tally", "1.0.0").summary("for the crash tests").license("Apache-2.0").stage<Tally>("tally"))
