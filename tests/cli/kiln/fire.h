// The one stage of kiln that runs: documents in, documents out, and whatever a run has to cope with
// on the way.
#pragma once

#include <lehr/plugin.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <optional>
#include <string>
#include <thread>

class Fire : public lehr::Stage {
 public:
  void describe(lehr::Description& d) override {
    d.summary("fires documents; can fail, hang and come out differently each time");
    d.determinism(lehr::Determinism::none);
    d.input("documents", "documents").optional();
    d.output("documents", "documents");
    d.text("glaze", glaze_).help("what the output says");
    d.boolean("vary", vary_).help("the output differs each time");
    d.integer("fail", fail_).no_effect().help("so many attempts fail first");
    d.boolean("hold", hold_).no_effect().help("wait to be asked to stop");
    d.boolean("deaf", deaf_).no_effect().help("with hold: do not listen");
    d.boolean("die", die_).no_effect().help("as if the kernel killed the first attempt");
    d.real("accuracy", accuracy_).help("the result eval/accuracy");
    d.bytes("disk", disk_).no_effect().help("what it estimates to need");
  }

  void estimate(const std::vector<lehr::Input>&, lehr::Estimate& out) override {
    if (disk_ > 0) out.disk_bytes = static_cast<double>(disk_);
  }

  void run(lehr::Context& context) override {
    int attempt = 0;
    if (const auto state = context.latest_state()) std::ifstream(state->path / "n") >> attempt;
    ++attempt;
    std::ofstream(context.begin_state() / "n") << attempt;
    context.commit_state("attempt " + std::to_string(attempt));
    if (attempt == 1 && die_) ::raise(SIGKILL);
    if (attempt <= fail_) throw lehr::Error("attempt " + std::to_string(attempt) + " cracked");
    while (hold_) {
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
      if (context.cancelled() && !deaf_) throw lehr::Cancelled();
    }
    std::ofstream out(context.output("documents") / "train-00000.jsonl");
    out << "{\"id\":\"0\",\"text\":\"" << glaze_ << "\"}\n";
    if (vary_)
      out << "{\"id\":\"" << ::getpid() << '-'
          << std::chrono::steady_clock::now().time_since_epoch().count() << "\",\"text\":\"\"}\n";
    if (accuracy_) context.result("eval/accuracy", *accuracy_);
  }

 private:
  std::string glaze_ = "white";
  bool vary_ = false, hold_ = false, deaf_ = false, die_ = false;
  std::int64_t fail_ = 0, disk_ = 0;
  std::optional<double> accuracy_;
};
