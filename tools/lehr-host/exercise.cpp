#include "exercise.h"

#include <algorithm>
#include <atomic>
#include <deque>
#include <functional>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "error_sink.h"
#include "plugin_library.h"
#include "runtime/run/stage_spec.h"
#include "stage_context.h"
#include "value_tree.h"

namespace lehr::host {
namespace {

using Json = nlohmann::ordered_json;

std::string copied(lehr_str s) { return {s.data ? s.data : "", s.size}; }
lehr_str borrow(const std::string& s) { return {s.data(), s.size()}; }

struct Arrangement {
  explicit Arrangement(const Json& json)
      : order(json.at("order").get<std::vector<std::size_t>>()),
        batch(json.at("batch")),
        threads(json.at("threads")),
        padding(json.at("padding")) {}
  std::vector<std::size_t> order;
  std::size_t batch, threads, padding;
};

// Elements `stride` bytes apart, the bytes between them not zero.
template <class T>
class SpacedArray {
 public:
  SpacedArray(std::size_t count, std::size_t padding)
      : stride_(sizeof(T) + padding), bytes_(count * stride_ + 1, '\xa5') {
    for (std::size_t i = 0; i < count; ++i) at(i) = T{};
  }
  T& at(std::size_t i) { return *reinterpret_cast<T*>(bytes_.data() + i * stride_); }
  std::size_t stride() const { return stride_; }

 private:
  std::size_t stride_;
  std::vector<char> bytes_;
};

// Calls work(thread, instance, indices of a batch) as the arrangement says, with a new instance per
// thread; finish(thread) before it is destroyed.
template <class Table>
void call(const Table& table, const lehr_value* values, const Arrangement& how,
          const std::function<void(std::size_t, void*, std::span<const std::size_t>)>& work,
          const std::function<void(std::size_t)>& finish) {
  std::vector<std::string> failures(how.threads);
  const auto body = [&](std::size_t thread) {
    ErrorSink error;
    void* instance = nullptr;
    if (table.create(values, error.sink(), &instance) != LEHR_OK)
      throw std::runtime_error("it could not be created: " + error.text());
    try {
      for (std::size_t at = 0; at < how.order.size(); at += how.batch)
        work(thread, instance,
             std::span(how.order).subspan(at, std::min(how.batch, how.order.size() - at)));
      finish(thread);
    } catch (...) {
      table.destroy(instance);
      throw;
    }
    table.destroy(instance);
  };
  const auto contained = [&](std::size_t thread) {
    try {
      body(thread);
    } catch (const std::exception& e) {
      failures[thread] = e.what();
    } catch (...) {
      failures[thread] = kCrossed;
    }
  };
  std::vector<std::thread> threads;
  for (std::size_t t = 1; t < how.threads; ++t) threads.emplace_back(contained, t);
  contained(0);  // a reward is called from the main thread only
  for (std::thread& thread : threads) thread.join();
  for (const std::string& failure : failures)
    if (!failure.empty()) throw std::runtime_error(failure);
}

Json step_answer(const lehr_step& step, const lehr_value* values, const Json& items,
                 const Arrangement& how) {
  struct Given {
    std::string id, text, fields;
  };
  std::vector<Given> given;
  for (const Json& item : items)
    given.push_back({item.at("id"), item.at("text"), item.at("fields")});
  // Each thread has its own element of these.
  std::vector<std::vector<Json>> verdicts(how.threads, std::vector<Json>(items.size()));
  std::vector<std::vector<std::pair<lehr_str, std::string>>> reasons(how.threads);  // and as copied
  std::atomic<bool> touched = false, reasons_kept = true;

  const auto work = [&](std::size_t thread, void* instance, std::span<const std::size_t> batch) {
    std::deque<Given> copies;
    SpacedArray<lehr_document> documents(batch.size(), how.padding);
    for (std::size_t i = 0; i < batch.size(); ++i) {
      const Given& copy = copies.emplace_back(given[batch[i]]);
      lehr_document& document = documents.at(i);
      document.id = borrow(copy.id);
      document.text = borrow(copy.text);
      document.fields = borrow(copy.fields);
    }
    ErrorSink error;
    if (step.process(instance, &documents.at(0), batch.size(), documents.stride(), error.sink()) !=
        LEHR_OK)
      throw std::runtime_error(error.text());
    for (std::size_t i = 0; i < batch.size(); ++i) {
      const lehr_document& d = documents.at(i);
      const Given &before = given[batch[i]], &copy = copies[i];
      if (copied(d.id) != before.id || copied(d.text) != before.text ||
          copied(d.fields) != before.fields || copy.id != before.id || copy.text != before.text ||
          copy.fields != before.fields)
        touched = true;
      Json& verdict = verdicts[thread][batch[i]];
      verdict = {{"verdict", d.verdict}};
      if (d.verdict == LEHR_DROP) {
        verdict["reason"] = copied(d.reason);
        reasons[thread].emplace_back(d.reason, copied(d.reason));
      }
      if (d.verdict == LEHR_REWRITE) verdict["rewritten"] = copied(d.rewritten);
    }
  };
  const auto finish = [&](std::size_t thread) {
    for (const auto& [pointer, text] : reasons[thread])
      if (copied(pointer) != text) reasons_kept = false;
  };
  call(step, values, how, work, finish);
  return {
      {"outcomes", verdicts}, {"touched", touched.load()}, {"reasons_kept", reasons_kept.load()}};
}

Json reward_answer(const lehr_reward& reward, const lehr_value* values, const Json& items,
                   const Arrangement& how) {
  std::vector<std::vector<double>> scores(how.threads, std::vector<double>(items.size()));
  const auto work = [&](std::size_t thread, void* instance, std::span<const std::size_t> batch) {
    SpacedArray<lehr_exchange> exchanges(batch.size(), how.padding);
    for (std::size_t i = 0; i < batch.size(); ++i) {
      const Json& item = items.at(batch[i]);
      exchanges.at(i) = {borrow(item.at("prompt").get_ref<const std::string&>()),
                         borrow(item.at("completion").get_ref<const std::string&>()),
                         borrow(item.at("reference").get_ref<const std::string&>()),
                         item.at("truncated").get<std::uint32_t>()};
    }
    std::vector<double> got(batch.size());
    ErrorSink error;
    if (reward.score(instance, &exchanges.at(0), batch.size(), exchanges.stride(), got.data(),
                     error.sink()) != LEHR_OK)
      throw std::runtime_error(error.text());
    for (std::size_t i = 0; i < batch.size(); ++i) scores[thread][batch[i]] = got[i];
  };
  call(reward, values, how, work, [](std::size_t) {});
  return {{"outcomes", scores}};  // JSON has no NaN: it becomes null
}

}  // namespace

int exercise(const Json& request, EventPipe& events) try {
  const PluginLibrary plugin(request.at("plugin").get<std::string>(), bare_services());
  plugin.check_manifest();
  const std::string kind = request.at("kind"), name = request.at("name");
  const Json described = plugin.item_description(kind, name);
  const ValueTree values(request.at("parameters"), described.at("parameters"));
  const Json& items = request.at("items");
  for (const Json& arrangement : request.at("arrangements")) {
    Json answer = {{"event", "answer"}};
    try {
      const Arrangement how(arrangement);
      answer.update(kind == "steps"
                        ? step_answer(*plugin.step(name), values.root(), items, how)
                        : reward_answer(*plugin.reward(name), values.root(), items, how));
    } catch (const std::exception& e) {
      answer["error"] = e.what();
    }
    events.send(answer);
  }
  return runtime::kExitOk;
} catch (const std::exception& e) {
  events.send({{"event", "failed"}, {"message", e.what()}});
  return runtime::kExitPlugin;
}

}  // namespace lehr::host
