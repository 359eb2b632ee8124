#include <gtest/gtest.h>
#include <malloc.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <new>

#include "export_model.h"
#include "lm/byte_model_test.h"
#include "lm/fake_host.h"
#include "lm/model_folder.h"
#include "lm/model_weights.h"
#include "text/fake_host.h"

namespace {
std::atomic<std::size_t> held = 0, most_held = 0;
}  // namespace

void* operator new(std::size_t bytes) {
  void* const memory = std::malloc(bytes);
  if (memory == nullptr) throw std::bad_alloc();
  const std::size_t now = held += ::malloc_usable_size(memory);
  most_held = std::max(most_held.load(), now);
  return memory;
}
// The standard library's calls the one above; AddressSanitizer's does not.
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  try {
    return operator new(bytes);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}
void operator delete(void* memory) noexcept {
  held -= ::malloc_usable_size(memory);
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept { operator delete(memory); }

namespace lehr::plugins::export_model {
namespace {

TEST(ExportHf, HasOneTensorInMemoryNotTheModel) {
  lehr_context host;
  const text::Tokenizer tokenizer = lm::byte_tokenizer();
  lm::ModelConfig config = lm::byte_model(tokenizer, 64);
  config.hidden_size = 128;
  config.intermediate_size = 256;
  config.head_dim = 64;
  config.layers = 16;
  const std::filesystem::path from = host.root / "from";
  std::filesystem::create_directory(from);
  lm::save_model_folder(from, lm::Model::create(config, 1), tokenizer);
  host.inputs = {{"model", from.string()}};
  const text::ValueTree values(nlohmann::json{{"dtype", "bf16"}});
  host.parameters = values.root();
  Context context(&host, lm::fake_host());
  const auto stage = detail::bind<ExportHf>(values.root());
  const std::size_t before = most_held = held.load();
  stage->run(context);
  const auto bytes = static_cast<std::size_t>(2 * config.parameters());
  EXPECT_LT(most_held - before, bytes / 4);
  const lm::ModelWeights original(from), exported(host.root / "out" / "model");
  for (const lm::ParameterSlot& slot : lm::parameter_slots(config)) {
    std::vector<float> a(static_cast<std::size_t>(slot.size)), b(a);
    lm::to_float(original.at(slot.name), a.data());
    lm::to_float(exported.at(slot.name), b.data());
    for (std::size_t i = 0; i < a.size(); ++i) ASSERT_NEAR(a[i], b[i], std::abs(a[i]) / 128);
  }
}

}  // namespace
}  // namespace lehr::plugins::export_model
