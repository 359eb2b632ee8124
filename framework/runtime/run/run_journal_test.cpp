#include "runtime/run/run_journal.h"

#include <gtest/gtest.h>

#include "runtime/store/scratch_store.h"

namespace lehr::runtime {
namespace {

using Json = nlohmann::ordered_json;

struct Heard : Display {
  void event(const Json& event) override { last = event.dump(); }
  void cached(const std::string&, std::string_view line) override { last = line; }
  std::string last;
};

class RunJournalTest : public ScratchStore {};

TEST_F(RunJournalTest, NamesEventAndStageOnceWhateverAHostSends) {
  Heard heard;
  RunJournal journal(root_, "study", heard);
  journal.tell("base", "phase", {{"event", "phase"}, {"stage", "other"}, {"name", "running"}});
  EXPECT_EQ(heard.last, R"({"event":"phase","stage":"base","name":"running"})");
}

}  // namespace
}  // namespace lehr::runtime
