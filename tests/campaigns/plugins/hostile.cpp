// Everything a plugin should not do, by name, in each of its callbacks.
#include <fcntl.h>
#include <lehr/plugin.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <optional>

namespace {

// Not inlined, not a loop: every call takes its part of the stack.
__attribute__((noinline)) int overflow(int depth) {
  volatile char taken[4096];
  taken[depth & 4095] = static_cast<char>(depth);
  return depth < 0 ? 0 : overflow(depth + 1) + taken[depth & 4095];
}

void say_events(const std::string& text) {  // on the pipe that belongs to the host
  for (std::string_view rest = text; !rest.empty();) {
    const ssize_t n = ::write(3, rest.data(), rest.size());
    if (n <= 0) return;
    rest.remove_prefix(static_cast<std::size_t>(n));
  }
}

void misbehave(const std::string& how) {
  if (how == "answer") return;
  std::fprintf(stderr, "about to %s\n", how.c_str());
  if (how == "segv") *static_cast<volatile int*>(nullptr) = 1;
  if (how == "abort") std::abort();
  if (how == "exit") std::exit(0);
  if (how == "quit") ::_exit(0);
  if (how == "stack") overflow(0);
  if (how == "close")
    for (int fd = 3; fd < 64; ++fd) ::close(fd);
  if (how == "throw") throw std::runtime_error("thrown on purpose");
  if (how == "throw_int") throw 7;
  if (how == "hang")
    while (true) ::pause();
  if (how == "leak")
    while (::open("/dev/null", O_RDONLY) >= 0) {
    }
  if (how == "chdir" && ::chdir("/") != 0) std::abort();
  if (how == "flood")  // a line of 64 MiB
    for (int i = 0; i < 64; ++i) std::fputs(std::string(1 << 20, 'x').c_str(), stdout);
  if (how == "garbage")
    say_events(
        "{\"event\":7}\n{\"event\":\"metric\"}\n[1,2\n\xff\xfe{}\n{\"event\":\"log\",\"text\":[]}\n"
        "{\"event\":\"finished\",\"seconds\":\"long\"}\n{\"event\":\"progress\",\"done\":-1}\n");
  if (how == "deep")
    say_events("{\"event\":\"log\",\"text\":" + std::string(500000, '[') +
               std::string(500000, ']') + "}\n");
  if (how == "lie")
    say_events("{\"event\":\"finished\",\"taken\":false,\"seconds\":1}\n"), ::_exit(0);
  if (how == "child" && ::fork() == 0)
    while (true) ::pause();  // holds every pipe open
}

void describe_how(lehr::Description& d, std::string& how) {
  d.summary("misbehaves");
  d.text("how", how);
}

class Stage : public lehr::Stage {
 public:
  void describe(lehr::Description& d) override {
    // Not while it is stamped: only when it is loaded to run.
    if (const char* how = std::getenv("HOSTILE_DESCRIBE")) misbehave(how);
    if (std::getenv("HOSTILE_CHANGES")) d.boolean("new_here", new_here_);
    describe_how(d, how_);
    d.output("documents", "documents");
    d.steps("steps", steps_);
    d.rewards("rewards", weights_);
    d.input_path("reads", reads_).help("with how: meddle, a file that is changed");
  }
  void run(lehr::Context& context) override {
    context.progress(0, 1, "steps");
    const lehr_exchange exchange{lehr::borrow("[]"), lehr::borrow("four"), lehr::borrow(""), 0};
    for (std::size_t i = 0; i < weights_.size(); ++i)
      context.result("score", context.score("rewards", i, {&exchange, 1}).at(0));
    for (std::size_t i = 0; i < steps_; ++i) {
      lehr_document document{};
      context.open_step("steps", i).process({&document, 1});
    }
    if (how_ == "forget") context.commit_state("never begun");
    misbehave(how_);
    if (how_ == "empty") return;
    if (how_ == "meddle") std::ofstream(*reads_, std::ios::app) << "more\n";
    if (how_ == "link")
      std::filesystem::create_symlink("/etc/passwd",
                                      context.output("documents") / "train-00001.jsonl");
    std::ofstream(context.output("documents") / "train-00000.jsonl") << "{}\n";
  }

 private:
  std::string how_ = "answer";
  bool new_here_ = false;
  std::size_t steps_ = 0;
  std::vector<double> weights_;
  std::optional<std::string> reads_;
};

// `at`: the callback it misbehaves in.
class Step : public lehr::DocumentStep {
 public:
  ~Step() override {
    if (at_ == "destroy") misbehave(how_);
  }
  void describe(lehr::Description& d) override {
    describe_how(d, how_);
    d.choice("at", at_, {"create", "process", "destroy"});
  }
  void check() override {
    if (at_ == "create") misbehave(how_);
  }
  void process(lehr::Document&) override {
    if (at_ == "process") misbehave(how_);
  }

 private:
  std::string how_ = "answer", at_ = "process";
};

class Reward : public lehr::Reward {
 public:
  void describe(lehr::Description& d) override {
    describe_how(d, how_);
    d.choice("at", at_, {"create", "score"});
  }
  void check() override {
    if (at_ == "create") misbehave(how_);
  }
  double score(const lehr::Exchange& exchange) override {
    if (at_ == "score") misbehave(how_);
    return static_cast<double>(exchange.completion.size());
  }

 private:
  std::string how_ = "answer", at_ = "score";
};

}  // namespace

LEHR_PLUGIN(lehr::Plugin("hostile", "1.0.0")
                .summary("for the campaigns")
                .license("Apache-2.0")
                .stage<Stage>("hostile")
                .step<Step>("step")
                .reward<Reward>("length"))
