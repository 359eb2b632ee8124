// One stage, step or reward for each promise, which breaks that promise and no other: `expected` in
// conformance_test.py names the finding.
#include <fcntl.h>
#include <lehr/plugin.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <set>

namespace {

using lehr::Context;
using lehr::Description;

// Writes one line into its one output.
struct Stage : lehr::Stage {
  void describe(Description& d) override {
    d.summary("breaks a promise");
    d.output("documents", "documents");
  }
  void write(Context& context, const std::string& text) {
    std::ofstream(context.output("documents") / "train-00000.jsonl")
        << R"({"id":"1","text":")" << text << "\"}\n";
  }
  void run(Context& context) override { write(context, "text"); }
};

struct Unrepeatable : Stage {
  void run(Context& context) override { write(context, std::to_string(::getpid())); }
};

struct Local : Stage {
  void run(Context& context) override { write(context, std::getenv("TZ")); }
};

struct Path : Stage {
  void run(Context& context) override { write(context, context.output("documents").string()); }
};

struct Threaded : Stage {
  void run(Context& context) override { write(context, std::to_string(context.threads())); }
};

struct Deaf : Stage {
  void run(Context& context) override {
    while (context.cancelled()) ::pause();
    write(context, "text");
  }
};

struct Sulking : Stage {
  void run(Context& context) override {
    if (context.cancelled()) throw lehr::Error("i was told to stop");
    write(context, "text");
  }
};

// Writes two halves, with a checkpoint between them; going on, it forgets the first.
struct Forgetful : Stage {
  void run(Context& context) override {
    const auto path = context.output("documents") / "train-00000.jsonl";
    if (!context.latest_state()) {
      std::ofstream(path) << "{\"id\":\"1\",\"text\":\"first\"}\n";
      std::ofstream(context.begin_state() / "half") << "1\n";
      context.commit_state("half");
    } else {
      std::filesystem::resize_file(path, 0);
    }
    std::ofstream(path, std::ios::app) << "{\"id\":\"2\",\"text\":\"second\"}\n";
  }
};

struct Leaking : Stage {
  void run(Context& context) override {
    ::open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    write(context, "text");
  }
};

struct Wandering : Stage {
  void run(Context& context) override {
    std::ofstream(std::filesystem::path(std::getenv("HOME")) / ".wandering_cache") << "here\n";
    write(context, "text");
  }
};

struct Fragile : Stage {
  void describe(Description& d) override {
    Stage::describe(d);
    d.input("conversations", "conversations");
  }
  void run(Context& context) override {
    std::ifstream in(context.input("conversations").path / "train-00000.jsonl");
    const std::string all{std::istreambuf_iterator<char>(in), {}};
    if (!all.ends_with('\n')) std::abort();
    write(context, "text");
  }
};

struct Brittle : Stage {
  void describe(Description& d) override {
    Stage::describe(d);
    d.count("depth", depth_).range(1, 1000);
  }
  void check() override {
    if (depth_ == 1000) std::abort();
  }
  std::int64_t depth_ = 3;
};

struct Beyond : Stage {
  void describe(Description& d) override {
    Stage::describe(d);
    d.count("depth", depth_).range(1, 10);
  }
  std::int64_t depth_ = 11;
};

struct Unbound : Stage {
  void describe(Description& d) override {
    d.summary("breaks a promise");
    d.output("documents", "documents").facet("tokenizer", "t");
  }
};

struct Valueless : Stage {
  void describe(Description& d) override {
    Stage::describe(d);
    d.input("earlier", "documents").optional().facet("depth", "$depth");
  }
};

struct Placeless : Stage {
  void describe(Description& d) override {
    Stage::describe(d);
    d.devices({"cpu", "abacus"});
  }
};

struct Presuming : Stage {
  void describe(Description& d) override {
    Stage::describe(d);
    d.input("conversations", "conversations");
  }
  void estimate(const std::vector<lehr::Input>& inputs, lehr::Estimate& out) override {
    out.disk_bytes =
        static_cast<double>(std::filesystem::file_size(inputs.at(0).path / "train-00000.jsonl"));
  }
};

// Tells of an output that it does not have.
struct Fabling : Stage {
  void estimate(const std::vector<lehr::Input>&, lehr::Estimate& out) override {
    out.outputs["dragons"] = "{}";
  }
};

// ---- steps ----

struct Step : lehr::DocumentStep {
  void describe(Description& d) override { d.summary("breaks a promise"); }
};

// The first instance ever judges otherwise than those after it.
struct Moody : Step {
  void process(lehr::Document& document) override {
    if (first_) document.drop("first");
  }
  static inline std::atomic<int> instances_ = 0;
  const bool first_ = instances_++ == 1;  // number 0 describes itself
};

struct Remembering : Step {
  void process(lehr::Document& document) override {
    if (!seen_.emplace(document.text()).second) document.drop("seen_before");
  }
  std::set<std::string, std::less<>> seen_;
};

struct Bound : Step {
  void process(lehr::Document& document) override {
    if (::getpid() != static_cast<pid_t>(::syscall(SYS_gettid))) document.drop("elsewhere");
  }
};

struct Scribbling : Step {
  void process(lehr::Document& document) override {
    if (!document.text().empty()) const_cast<char&>(document.text()[0]) = 'X';
  }
};

struct Wordy : Step {
  void process(lehr::Document& document) override { document.drop("Too Many Words!"); }
};

struct Fainting : Step {
  void process(lehr::Document& document) override {
    if (document.text().empty()) std::abort();
  }
};

// ---- rewards ----

struct Reward : lehr::Reward {
  void describe(Description& d) override { d.summary("breaks a promise"); }
};

struct Tiring : Reward {
  double score(const lehr::Exchange&) override { return 1.0 / static_cast<double>(++calls_); }
  static inline std::atomic<int> calls_ = 0;
};

struct Dizzy : Reward {
  double score(const lehr::Exchange& exchange) override {
    if (exchange.completion.empty()) std::abort();
    return 1;
  }
};

struct Boundless : Reward {
  double score(const lehr::Exchange&) override { return std::numeric_limits<double>::quiet_NaN(); }
};

}  // namespace

LEHR_PLUGIN(lehr::Plugin("violators", "1.0.0")
                .summary("breaks every promise, one at a time")
                .license("Apache-2.0")
                .stage<Unrepeatable>("unrepeatable")
                .stage<Path>("path")
                .stage<Local>("local")
                .stage<Threaded>("threaded")
                .stage<Deaf>("deaf")
                .stage<Sulking>("sulking")
                .stage<Forgetful>("forgetful")
                .stage<Leaking>("leaking")
                .stage<Wandering>("wandering")
                .stage<Fragile>("fragile")
                .stage<Brittle>("brittle")
                .stage<Beyond>("beyond")
                .stage<Unbound>("unbound")
                .stage<Valueless>("valueless")
                .stage<Placeless>("placeless")
                .stage<Presuming>("presuming")
                .stage<Fabling>("fabling")
                .step<Moody>("moody")
                .step<Remembering>("remembering")
                .step<Bound>("bound")
                .step<Scribbling>("scribbling")
                .step<Wordy>("wordy")
                .step<Fainting>("fainting")
                .reward<Dizzy>("dizzy")
                .reward<Tiring>("tiring")
                .reward<Boundless>("boundless"))
