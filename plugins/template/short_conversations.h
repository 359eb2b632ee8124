// A stage: reads one artifact, writes another, says what it did.
#pragma once

#include <lehr/plugin.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>

class ShortConversations : public lehr::Stage {
 public:
  void describe(lehr::Description& d) override {
    d.summary("keeps conversations of at most so many bytes");
    d.input("conversations", "conversations");
    d.output("conversations", "conversations");
    d.bytes("max_bytes", max_bytes_).at_least(1).help("longest line that is kept");
  }

  void run(lehr::Context& context) override {
    const std::filesystem::path from = context.input("conversations").path;
    const std::filesystem::path to = context.output("conversations");
    std::uint64_t kept = 0, dropped = 0;
    for (const auto& entry : std::filesystem::directory_iterator(from)) {
      if (entry.path().extension() != ".jsonl") continue;
      std::ifstream in(entry.path());
      std::ofstream out(to / entry.path().filename());
      for (std::string line; std::getline(in, line);) {
        if (context.cancelled()) throw lehr::Cancelled();
        const bool keep = static_cast<std::int64_t>(line.size()) <= max_bytes_;
        if (keep) out << line << '\n';
        ++(keep ? kept : dropped);
      }
      if (!out.flush())
        throw lehr::Error((to / entry.path().filename()).string() + ": could not be written");
      context.progress(kept + dropped, 0, "conversations");
    }
    context.result("kept", static_cast<double>(kept));
    context.result("dropped", static_cast<double>(dropped));
  }

 private:
  std::int64_t max_bytes_ = 4096;
};
