// For the campaigns: a stage that writes numbers and keeps durable state, so that it can go on
// wherever it was killed, one that copies what the first has made, and one that reads a file.
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
    d.integer("hold_at", hold_at_).no_effect().help("after this line's state, wait to be stopped");
  }

  void run(lehr::Context& context) override {
    const auto path = context.output("documents") / "train-00000.jsonl";
    std::int64_t line = 0;
    if (const auto state = context.latest_state()) {
      std::ifstream file(state->path / "line");
      if (!(file >> line))
        throw lehr::Error("cannot read '" + (state->path / "line").string() + "'");
    }
    std::ofstream out(path, std::ios::app);
    for (; line < lines_; ++line) {
      if (line % every_ == 0) {
        if (!out.flush()) break;
        std::ofstream file(context.begin_state() / "line");
        file << line << '\n';
        file.close();
        if (!file)
          throw lehr::Error(std::string("cannot write the state: ") + std::strerror(errno));
        context.commit_state(std::to_string(line));
        context.progress(line, lines_, "lines");
        context.metric(line, "lines/done", static_cast<double>(line));
        while (line == hold_at_ && !context.cancelled())
          std::this_thread::sleep_for(std::chrono::milliseconds(5));
        if (context.cancelled()) throw lehr::Cancelled();
      }
      out << "{\"id\":\"" << line << "\",\"text\":\"number " << line << "\"}\n";
    }
    if (!out.flush())
      throw lehr::Error("cannot write '" + path.string() + "': " + std::strerror(errno));
    context.result("lines", static_cast<double>(lines_));
  }

 private:
  std::int64_t lines_ = 1000, every_ = 100, hold_at_ = -1;
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

class Lines : public lehr::Stage {
 public:
  void describe(lehr::Description& d) override {
    d.summary("the lines of a file");
    d.output("documents", "documents");
    d.input_path("file", file_).required();
  }
  void run(lehr::Context& context) override {
    std::filesystem::copy_file(file_, context.output("documents") / "train-00000.jsonl");
  }

 private:
  std::string file_;
};

}  // namespace

LEHR_PLUGIN(lehr::Plugin("tally", "1.0.0")
                .summary("for the campaigns")
                .license("Apache-2.0")
                .stage<Tally>("tally")
                .stage<Copy>("copy")
                .stage<Lines>("lines"))
