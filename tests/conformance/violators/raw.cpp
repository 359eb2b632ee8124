// Promises that the C++ wrapper keeps for its authors, broken over the bare C boundary.
#include <lehr/abi.h>

#include <cstring>
#include <stdexcept>

namespace {

lehr_status create(const lehr_value*, const lehr_sink*, void** instance) {
  static int nothing;
  *instance = &nothing;
  return LEHR_OK;
}
void destroy(void*) {}

lehr_document& at(lehr_document* documents, size_t stride, size_t i) {
  return *reinterpret_cast<lehr_document*>(reinterpret_cast<char*>(documents) + i * stride);
}

// Drops all of a small batch.
lehr_status by_batch(void*, lehr_document* documents, size_t count, size_t stride,
                     const lehr_sink*) {
  for (size_t i = 0; i < count && count < 5; ++i) {
    at(documents, stride, i).verdict = LEHR_DROP;
    at(documents, stride, i).reason = {"small_batch", 11};
  }
  return LEHR_OK;
}

// Steps through the array by the size it knows.
lehr_status unstrided(void*, lehr_document* documents, size_t count, size_t, const lehr_sink*) {
  for (size_t i = 0; i < count; ++i) {
    documents[i].verdict = LEHR_DROP;
    documents[i].reason = {"all", 3};
  }
  return LEHR_OK;
}

// Its reasons are gone with the next call of its thread.
lehr_status fleeting(void*, lehr_document* documents, size_t count, size_t stride,
                     const lehr_sink*) {
  thread_local char buffers[2][8];
  thread_local int turn = 0;
  std::memcpy(buffers[turn], "gone", 4);
  turn = 1 - turn;
  std::memcpy(buffers[turn], "here", 4);
  for (size_t i = 0; i < count; ++i) {
    at(documents, stride, i).verdict = LEHR_DROP;
    at(documents, stride, i).reason = {buffers[turn], 4};
  }
  return LEHR_OK;
}

// Scores by the longest answer of the batch.
lehr_status relative(void*, const lehr_exchange* exchanges, size_t count, size_t stride,
                     double* scores, const lehr_sink*) {
  double longest = 1;
  const auto size = [&](size_t i) {
    return static_cast<double>(reinterpret_cast<const lehr_exchange*>(
                                   reinterpret_cast<const char*>(exchanges) + i * stride)
                                   ->completion.size);
  };
  for (size_t i = 0; i < count; ++i) longest = size(i) > longest ? size(i) : longest;
  for (size_t i = 0; i < count; ++i) scores[i] = size(i) / longest;
  return LEHR_OK;
}

lehr_status throwing(lehr_context*, const lehr_host*) { throw std::runtime_error("over the wall"); }
lehr_status silent(lehr_context*, const lehr_host*) { return LEHR_FAILED; }

#define STEP(name) R"({"name":")" name R"(","summary":"breaks a promise","parameters":[]})"
#define STAGE(name)                                                                          \
  R"({"name":")" name R"(","summary":"breaks a promise","determinism":"exact","inputs":[],)" \
  R"("outputs":[{"name":"documents","type":"documents"}],"parameters":[]})"

constexpr char kDescription[] =
    R"({"manifest":1,"name":"raw","version":"1.0.0","summary":"breaks promises",)"
    R"("license":"Apache-2.0","abi":1,"stages":[)" STAGE("throwing") "," STAGE("silent")
    R"(],"steps":[)" STEP("by_batch") "," STEP("unstrided") "," STEP("fleeting")
    R"(],"rewards":[)" STEP("relative") "]}";

#define NAME(text) \
  { text, sizeof text - 1 }

}  // namespace

extern "C" __attribute__((visibility("default"))) const lehr_plugin* lehr_plugin_entry(
    const lehr_host*) {
  static const lehr_stage stages[] = {
      {sizeof(lehr_stage), NAME("throwing"), nullptr, throwing, nullptr, nullptr},
      {sizeof(lehr_stage), NAME("silent"), nullptr, silent, nullptr, nullptr}};
  static const lehr_step steps[] = {
      {sizeof(lehr_step), NAME("by_batch"), create, by_batch, destroy},
      {sizeof(lehr_step), NAME("unstrided"), create, unstrided, destroy},
      {sizeof(lehr_step), NAME("fleeting"), create, fleeting, destroy}};
  static const lehr_reward rewards[] = {
      {sizeof(lehr_reward), NAME("relative"), create, relative, destroy}};
  static const lehr_plugin plugin = {sizeof(lehr_plugin),
                                     1,
                                     1,
                                     {kDescription, sizeof kDescription - 1},
                                     stages,
                                     2,
                                     sizeof(lehr_stage),
                                     steps,
                                     3,
                                     sizeof(lehr_step),
                                     rewards,
                                     1,
                                     sizeof(lehr_reward)};
  return &plugin;
}
