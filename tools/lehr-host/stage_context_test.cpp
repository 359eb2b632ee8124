#include "stage_context.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <new>

namespace {

long left = -1;  // allocations until memory runs out; below 0: it does not

}  // namespace

// Not inline, or the compiler sees malloc's memory given to delete.
[[gnu::noinline]] void* operator new(std::size_t size) {
  if (left == 0) throw std::bad_alloc();
  if (left > 0) --left;
  if (void* memory = std::malloc(size != 0 ? size : 1)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace lehr::host {
namespace {

class StageServices : public testing::Test {
 protected:
  lehr_str text_{"a text too long to stand in a string itself", 43};
  runtime::StageSpec spec_;
  const nlohmann::ordered_json description_ = nlohmann::ordered_json::parse(
      R"({"parameters": [], "outputs": [{"name": "documents", "type": "documents"}]})");
  EventPipe events_{::open("/dev/null", O_WRONLY)};
  DurableState state_{testing::TempDir()};
  lehr_context context_{spec_, description_, events_, state_};

  // Calls `service` with memory running out ever later, until it does not; gives how often it did.
  template <class Service>
  static int run_out(Service service) {
    int times = 0;
    for (long allocations = 0;; ++allocations, ++times) {
      left = allocations;
      service();
      const bool enough = left > 0;
      left = -1;
      if (enough) return times;
    }
  }
};

// A plugin may be C: an exception that comes out of a service would end its process. (What is told
// as JSON is left out: nlohmann's destructor needs memory, and ends the process where there is
// none.)
TEST_F(StageServices, LetNoExceptionOutWhenMemoryRunsOut) {
  const lehr_host& host = *stage_services();
  const lehr_step* step = nullptr;
  void* instance = nullptr;
  lehr_str path{};
  EXPECT_GT(run_out([&] { host.fail(&context_, text_); }), 0);
  EXPECT_GT(run_out([&] { host.output(&context_, text_, &path); }), 0);
  EXPECT_GT(run_out([&] { host.set_facet(&context_, {"documents", 9}, text_, text_); }), 0);
  EXPECT_GT(run_out([&] { host.open_step(&context_, text_, 0, &step, &instance); }), 0);
  EXPECT_GT(run_out([&] { host.score(&context_, text_, 0, nullptr, 0, 0, nullptr); }), 0);
}

// A plugin of another version may know fewer members, or more.
TEST_F(StageServices, FillAsMuchOfAnOutputAsThePluginKnows) {
  const lehr_host& host = *stage_services();
  lehr_output out{};
  ASSERT_EQ(host.output_at(&context_, 0, &out, offsetof(lehr_output, path)), LEHR_OK);
  EXPECT_EQ(std::string(out.port.data, out.port.size), "documents");
  EXPECT_EQ(std::string(out.type.data, out.type.size), "documents");
  EXPECT_EQ(out.path.data, nullptr);
  struct {
    lehr_output known;
    int more = 7;
  } larger;
  ASSERT_EQ(host.output_at(&context_, 0, &larger.known, sizeof larger), LEHR_OK);
  EXPECT_GT(larger.known.path.size, 0u);
  EXPECT_EQ(larger.more, 7);
  EXPECT_NE(host.output_at(&context_, 1, &out, sizeof out), LEHR_OK);
}

TEST_F(StageServices, RememberAResultWithoutAName) {
  const lehr_host& host = *stage_services();
  host.result(&context_, text_, std::nan(""), 0);
  EXPECT_FALSE(context_.nameless_result);
  host.result(&context_, {"", 0}, std::nan(""), 0);
  EXPECT_TRUE(context_.nameless_result);
}

TEST_F(StageServices, RememberThatAResultIsLost) {
  const lehr_host& host = *stage_services();
  host.result(&context_, text_, 1, 0);
  EXPECT_FALSE(context_.lost_result);
  EXPECT_GT(run_out([&] { host.result(&context_, {text_.data, 42}, 1, 0); }), 0);
  EXPECT_TRUE(context_.lost_result);
  EXPECT_EQ(context_.results.end() - context_.results.begin(), 2);
}

}  // namespace
}  // namespace lehr::host
