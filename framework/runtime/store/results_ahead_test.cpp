#include "runtime/store/results_ahead.h"

#include "runtime/store/run_log.h"
#include "runtime/store/scratch_store.h"

namespace lehr::runtime {
namespace {

class ResultsAheadTest : public ScratchStore {
 protected:
  // Results of so many stages, and a run that has reached them and some that are not there.
  std::vector<std::string> fill(const ArtifactStore& store, int stages) {
    const std::string digest = publish(store, "the same for all");
    std::vector<std::string> keys;
    for (int i = 0; i < stages; ++i) {
      const StageResult result = made("s" + std::to_string(i), digest);
      store.write_result(result);
      keys.push_back(result.key);
      keys.push_back(stage_key({{"gone", std::to_string(i)}}));
    }
    RunLog(store.root(), "p").add_keys(keys);
    return keys;
  }
};

TEST_F(ResultsAheadTest, GivesWhatTheStoreGives) {
  const ArtifactStore store(root_ / "store");
  const std::vector<std::string> keys = fill(store, 100);
  const std::string newer = made("newer", publish(store, "another")).key;
  for (const char* pipeline : {"p", "never run"}) {
    ResultsAhead ahead(store, pipeline);
    for (std::size_t i = 0; i < keys.size(); ++i) {
      const auto result = ahead.find(keys[i]);
      EXPECT_EQ(result ? result->stage_id : "", i % 2 == 0 ? "s" + std::to_string(i / 2) : "");
    }
    EXPECT_TRUE(ahead.find(keys[0])) << "a second time";
    EXPECT_FALSE(ahead.find(newer));
  }
}

TEST_F(ResultsAheadTest, SeesDamageAsTheStoreDoes) {
  const ArtifactStore store(root_ / "store");
  const std::vector<std::string> keys = fill(store, 50);
  damage_file(store.result_path(keys[40]), "{}");
  ResultsAhead ahead(store, "p");
  EXPECT_FALSE(ahead.find(keys[40]));
  EXPECT_TRUE(ahead.find(keys[42]));
}

TEST_F(ResultsAheadTest, MayBeAskedForNothing) {
  const ArtifactStore store(root_ / "store");
  fill(store, 200);
  const ResultsAhead ahead(store, "p");
}

}  // namespace
}  // namespace lehr::runtime
