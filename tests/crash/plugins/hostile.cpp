// Everything a plugin should not do, by name.
#include <lehr/plugin.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <optional>

namespace {

void misbehave(const std::string& how) {
  std::fprintf(stderr, "about to %s\n", how.c_str());
  if (how == "segv") *static_cast<volatile int*>(nullptr) = 1;
  if (how == "abort") std::abort();
  if (how == "exit") std::exit(0);
  if (how == "close")
    for (int fd = 3; fd < 64; ++fd) ::close(fd);
  if (how == "throw") throw std::runtime_error("thrown on purpose");
  if (how == "throw_int") throw 7;
  if (how == "hang")
    while (true) ::pause();
}

class Stage : public lehr::Stage {
 public:
  void describe(lehr::Description& d) override {
    d.summary("misbehaves").output("documents", "documents");
    d.text("how", how_).required();
    d.rewards("rewards", weights_);
    d.input_path("reads", reads_).help("with how: meddle, a file that is changed");
  }
  void run(lehr::Context& context) override {
    context.progress(0, 1, "steps");
    const lehr_exchange exchange{lehr::borrow("[]"), lehr::borrow("four"), lehr::borrow(""), 0};
    for (std::size_t i = 0; i < weights_.size(); ++i)
      context.result("score", context.score("rewards", i, {&exchange, 1}).at(0));
    misbehave(how_);
    if (how_ == "empty") return;
    if (how_ == "meddle") std::ofstream(*reads_, std::ios::app) << "more\n";
    std::ofstream(context.output("documents") / "train-00000.jsonl") << "{}\n";
  }

 private:
  std::string how_;
  std::vector<double> weights_;
  std::optional<std::string> reads_;
};

class Reward : public lehr::Reward {
 public:
  void describe(lehr::Description& d) override {
    d.summary("the length of the answer, or misbehaves");
    d.text("how", how_);
  }
  double score(const lehr::Exchange& exchange) override {
    misbehave(how_);
    return static_cast<double>(exchange.completion.size());
  }

 private:
  std::string how_ = "answer";
};

}  // namespace

LEHR_PLUGIN(lehr::Plugin("hostile", "1.0.0")
                .summary("for the crash tests")
                .license("Apache-2.0")
                .stage<Stage>("hostile")
                .reward<Reward>("length"))
