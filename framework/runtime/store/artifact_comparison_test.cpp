#include "runtime/store/artifact_comparison.h"

#include "runtime/store/scratch_store.h"

namespace lehr::runtime {
namespace {

namespace fs = std::filesystem;

class ArtifactComparison : public ScratchStore {
 protected:
  std::vector<std::string> compared(const fs::path& a, const fs::path& b,
                                    const Facets& facets = {}) {
    return differences(describe_folder(a, "documents", {}, 1), a,
                       describe_folder(b, "documents", facets, 1), b);
  }
};

TEST_F(ArtifactComparison, NamesTheFileAndTheFirstByte) {
  EXPECT_TRUE(compared(output("same"), output("same")).empty());
  EXPECT_EQ(compared(output("abcdef"), output("abcxef")),
            std::vector<std::string>{"'a.txt' differs from byte 3 on (6 bytes, before 6)"});
  EXPECT_EQ(compared(output("abc"), output("abcdef")),
            std::vector<std::string>{"'a.txt' differs from byte 3 on (6 bytes, before 3)"});
}

TEST_F(ArtifactComparison, LooksBeyondTheFirstPiece) {
  std::string text(300'000, 'x'), other = text;
  other[299'000] = 'y';
  EXPECT_EQ(compared(output(text), output(other))[0],
            "'a.txt' differs from byte 299000 on (300000 bytes, before 300000)");
}

TEST_F(ArtifactComparison, TellsWhatIsGoneOrNewAndOtherFacets) {
  const fs::path now = output("same");
  fs::rename(now / "deep" / "b.txt", now / "c.txt");
  EXPECT_EQ(compared(output("same"), now, {{"role", "base"}}),
            (std::vector<std::string>{"facet 'role' is base, before (none)", "'c.txt' is new",
                                      "'deep/b.txt' is gone"}));
}

}  // namespace
}  // namespace lehr::runtime
