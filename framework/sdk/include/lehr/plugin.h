// What a plugin author writes. Derive from Stage, DocumentStep or Reward, describe it once, and end
// one file with
//
//   LEHR_PLUGIN(lehr::Plugin("acme", "1.0.0")
//                   .summary("counts words and stops shouting")
//                   .license("Apache-2.0")
//                   .stage<CountWords>("count")
//                   .step<NoShouting>("no_shouting")
//                   .reward<Brevity>("brevity"))
//
// Header-only over the C boundary (abi.h); exceptions are caught here and cross as a status with
// their message.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <exception>
#include <map>
#include <memory>
#include <new>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "lehr/context.h"
#include "lehr/description.h"

namespace lehr {

// What a run of a stage would need; what stays empty is not known. See lehr_estimate.
struct Estimate {
  std::optional<double> steps, tokens, parameters, flops, memory_bytes, disk_bytes, seconds;
  std::uint64_t at_most = 0;  // LEHR_AT_MOST_... of those that may well turn out to be less
  // What outputs will be, as far as it is known before they are made: port -> JSON object. Later
  // stages' estimates find it in Input::facts. See "Facts" in description.md.
  std::map<std::string, std::string> outputs = {};
};

// Artifacts in, artifacts out. One object per run, in a process of its own.
class Stage {
 public:
  virtual ~Stage() = default;
  virtual void describe(Description& d) = 0;
  // Rules across parameters, called after they are bound, while planning and before anything runs:
  // throw Error. A message that begins with a parameter's path ("total: ...", "steps[2]: ...",
  // "model.width: ...") is shown where the pipeline gives it, another one at the stage.
  virtual void check() {}
  // Rules about what is connected, called after check, at the same times: throw Error. inputs:
  // their port, label and type alone. A message may begin with the name of a port as well, and is
  // then shown where the pipeline connects it.
  virtual void check_inputs(const std::vector<Input>& /*inputs*/) {}
  // For `lehr plan`, called after check. inputs: one that is not made yet has an empty path, and
  // facts where the stage that makes it tells any.
  virtual void estimate(const std::vector<Input>& /*inputs*/, Estimate& /*out*/) {}
  // Fills the output directories. Throw Error to fail, Cancelled to stop when asked.
  virtual void run(Context& context) = 0;
};

// One document under judgement.
class Document {
 public:
  Document(lehr_document& raw, std::set<std::string, std::less<>>& reasons,
           std::deque<std::string>& texts)
      : raw_(raw), reasons_(reasons), texts_(texts) {}
  std::string_view id() const { return view(raw_.id); }
  std::string_view text() const { return view(raw_.text); }
  // The other fields, as one JSON object text.
  std::string_view fields() const { return view(raw_.fields); }
  // reason: a short snake_case name; drops are counted by it.
  void drop(std::string_view reason) {
    auto found = reasons_.find(reason);
    if (found == reasons_.end()) found = reasons_.emplace(reason).first;
    raw_.verdict = LEHR_DROP;
    raw_.reason = borrow(*found);
  }
  void rewrite(std::string text) {
    raw_.verdict = LEHR_REWRITE;
    raw_.rewritten = borrow(texts_.emplace_back(std::move(text)));
  }

 private:
  lehr_document& raw_;
  std::set<std::string, std::less<>>& reasons_;
  std::deque<std::string>& texts_;
};

// Keeps, drops or rewrites documents one by one. One object per worker thread; the verdict on a
// document depends on that document and the parameters alone.
class DocumentStep {
 public:
  virtual ~DocumentStep() = default;
  virtual void describe(Description& d) = 0;
  virtual void check() {}
  virtual void process(Document& document) = 0;
};

struct Exchange {
  std::string_view prompt;      // JSON: [{"role","content"}, ...]
  std::string_view completion;  // text of the answer
  std::string_view reference;   // the expected answer, or empty
  bool truncated;               // the answer reached the length limit without ending its turn
};

// Scores answers; the score of one does not depend on the others.
class Reward {
 public:
  virtual ~Reward() = default;
  virtual void describe(Description& d) = 0;
  virtual void check() {}
  virtual double score(const Exchange& exchange) = 0;
};

namespace detail {

inline constexpr std::string_view kNoMemory = "not enough memory";  // not "std::bad_alloc"

template <class F>
lehr_status guarded(const lehr_sink* error, F body) {
  const auto tell = [&](std::string_view message) { error->write(error->self, borrow(message)); };
  try {
    body();
    return LEHR_OK;
  } catch (const std::bad_alloc&) {
    tell(kNoMemory);
  } catch (const std::exception& e) {
    tell(e.what());
  } catch (...) {
    tell("an exception that is not a std::exception");
  }
  return LEHR_FAILED;
}

template <class T>
std::unique_ptr<T> bind(const lehr_value* parameters) {
  auto object = std::make_unique<T>();
  Description d{Value(parameters)};
  object->describe(d);
  object->check();
  return object;
}

template <class T>
lehr_status create(const lehr_value* parameters, const lehr_sink* error, void** instance) {
  return guarded(error, [&] { *instance = bind<typename T::Held>(parameters).release(); });
}

template <class T>
void destroy(void* instance) {
  delete static_cast<typename T::Held*>(instance);
}

// Whether T has a `check`, `check_inputs` or `estimate` of its own, so that planning asks only
// those that do.
template <class T>
constexpr bool has_check() {
  if constexpr (requires { &T::check; })
    return !std::is_same_v<decltype(&T::check), void (Stage::*)()> &&
           !std::is_same_v<decltype(&T::check), void (DocumentStep::*)()> &&
           !std::is_same_v<decltype(&T::check), void (Reward::*)()>;
  return true;  // overridden, and not public
}
template <class T>
constexpr bool has_check_inputs() {
  if constexpr (requires { &T::check_inputs; })
    return !std::is_same_v<decltype(&T::check_inputs), void (Stage::*)(const std::vector<Input>&)>;
  return true;
}
template <class T>
constexpr bool has_estimate() {
  if constexpr (requires { &T::estimate; })
    return !std::is_same_v<decltype(&T::estimate),
                           void (Stage::*)(const std::vector<Input>&, Estimate&)>;
  return true;
}

inline void write_estimate(const Estimate& from, lehr_estimate& to) {
  to.steps = from.steps.value_or(to.steps);
  to.tokens = from.tokens.value_or(to.tokens);
  to.parameters = from.parameters.value_or(to.parameters);
  to.flops = from.flops.value_or(to.flops);
  to.memory_bytes = from.memory_bytes.value_or(to.memory_bytes);
  to.disk_bytes = from.disk_bytes.value_or(to.disk_bytes);
  const auto has = [&to](std::size_t offset) { return to.size > offset; };
  if (has(offsetof(lehr_estimate, seconds))) to.seconds = from.seconds.value_or(to.seconds);
  if (has(offsetof(lehr_estimate, at_most))) to.at_most = from.at_most;
  if (!has(offsetof(lehr_estimate, outputs)) || !to.outputs || from.outputs.empty()) return;
  std::string facts;
  for (const auto& [port, object] : from.outputs)
    facts += (facts.empty() ? "{" : ",") + json_string(port) + ":" + object;
  to.outputs->write(to.outputs->self, borrow(facts += "}"));
}

inline std::vector<Input> to_inputs(const lehr_input* inputs, size_t count, size_t stride) {
  std::vector<Input> known;
  for (size_t i = 0; i < count; ++i)
    known.push_back(to_input(reinterpret_cast<const char*>(inputs) + i * stride, stride));
  return known;
}

template <class T>
lehr_status estimate(const lehr_value* parameters, const lehr_input* inputs, size_t count,
                     size_t stride, lehr_estimate* out, const lehr_sink* error) {
  return guarded(error, [&] {
    Estimate result;
    bind<T>(parameters)->estimate(to_inputs(inputs, count, stride), result);
    write_estimate(result, *out);
  });
}
template <class T>
lehr_status check_inputs(const lehr_value* parameters, const lehr_input* inputs, size_t count,
                         size_t stride, const lehr_sink* error) {
  return guarded(error,
                 [&] { bind<T>(parameters)->check_inputs(to_inputs(inputs, count, stride)); });
}

template <class T>
lehr_stage stage_table(lehr_str name) {
  lehr_stage table{};
  table.size = sizeof table;
  table.name = name;
  table.check = [](const lehr_value* parameters, const lehr_sink* error) {
    return guarded(error, [&] { bind<T>(parameters); });
  };
  if constexpr (has_estimate<T>()) table.estimate = estimate<T>;
  if constexpr (has_check_inputs<T>()) table.check_inputs = check_inputs<T>;
  table.run = [](lehr_context* self, const lehr_host* host) {
    try {
      Context context(self, host);
      const std::unique_ptr<T> stage = bind<T>(host->parameters(self));
      if constexpr (has_check_inputs<T>()) stage->check_inputs(context.inputs());
      stage->run(context);
      return LEHR_OK;
    } catch (const Cancelled&) {
      return LEHR_CANCELLED;
    } catch (const std::bad_alloc&) {
      host->fail(self, borrow(kNoMemory));
    } catch (const std::exception& e) {
      host->fail(self, borrow(e.what()));
    } catch (...) {
      host->fail(self, borrow("an exception that is not a std::exception"));
    }
    return LEHR_FAILED;
  };
  return table;
}

// A step with the memory its verdicts point into.
template <class T>
struct StepHolder {
  struct Held : T {
    std::set<std::string, std::less<>> reasons;
    std::deque<std::string> texts;
  };
  static lehr_status process(void* instance, lehr_document* documents, size_t count, size_t stride,
                             const lehr_sink* error) {
    return guarded(error, [&] {
      auto& held = *static_cast<Held*>(instance);
      held.texts.clear();
      for (size_t i = 0; i < count; ++i) {
        auto& raw =
            *reinterpret_cast<lehr_document*>(reinterpret_cast<char*>(documents) + i * stride);
        Document document(raw, held.reasons, held.texts);
        try {
          held.process(document);
        } catch (const std::exception& e) {  // among millions, it must be found
          throw Error("document '" + std::string(document.id()) + "': " + e.what());
        }
      }
    });
  }
};

template <class T>
lehr_step step_table(lehr_str name) {
  using Holder = StepHolder<T>;
  return {sizeof(lehr_step), name, create<Holder>, Holder::process, destroy<Holder>};
}

template <class T>
struct RewardHolder {
  using Held = T;
  static lehr_status score(void* instance, const lehr_exchange* exchanges, size_t count,
                           size_t stride, double* scores, const lehr_sink* error) {
    return guarded(error, [&] {
      for (size_t i = 0; i < count; ++i) {
        const auto& raw = *reinterpret_cast<const lehr_exchange*>(
            reinterpret_cast<const char*>(exchanges) + i * stride);
        scores[i] = static_cast<T*>(instance)->score(
            {view(raw.prompt), view(raw.completion), view(raw.reference), raw.truncated != 0});
      }
    });
  }
};

template <class T>
lehr_reward reward_table(lehr_str name) {
  using Holder = RewardHolder<T>;
  return {sizeof(lehr_reward), name, create<Holder>, Holder::score, destroy<Holder>};
}

// Tells a host that can hear it why the entry function is about to return null.
inline void refuse(const lehr_host* host, std::string_view why) {
  if (host != nullptr && host->size >= offsetof(lehr_host, refuse) + sizeof host->refuse &&
      host->refuse != nullptr)
    host->refuse(borrow(why));
}

}  // namespace detail

// The plugin's table of contents.
class Plugin {
 public:
  Plugin(std::string_view name, std::string_view version) : name_(name), version_(version) {}
  Plugin&& summary(std::string_view text) && { return summary_ = text, std::move(*this); }
  Plugin&& license(std::string_view spdx) && { return license_ = spdx, std::move(*this); }
  template <class T>
  Plugin&& stage(std::string_view name) && {
    stages_.push_back(detail::stage_table<T>(keep(name)));
    return describe<T>(stages_json_, name, true);
  }
  template <class T>
  Plugin&& step(std::string_view name) && {
    steps_.push_back(detail::step_table<T>(keep(name)));
    return describe<T>(steps_json_, name, false);
  }
  template <class T>
  Plugin&& reward(std::string_view name) && {
    rewards_.push_back(detail::reward_table<T>(keep(name)));
    return describe<T>(rewards_json_, name, false);
  }

  // Called once by the entry function, on the object that stays for the life of the process.
  const lehr_plugin* table(const lehr_host* host) {
    if (host == nullptr || host->abi < kNeedsAbi) return nullptr;
    description_ =
        "{\"manifest\":1,\"name\":" + json_string(name_) + ",\"version\":" + json_string(version_) +
        ",\"summary\":" + json_string(summary_) + ",\"license\":" + json_string(license_) +
        ",\"abi\":" + std::to_string(LEHR_ABI_VERSION) + ",\"stages\":[" + stages_json_ +
        "],\"steps\":[" + steps_json_ + "],\"rewards\":[" + rewards_json_ + "]}";
    table_ = {sizeof table_,      LEHR_ABI_VERSION,  kNeedsAbi,          borrow(description_),
              stages_.data(),     stages_.size(),    sizeof(lehr_stage), steps_.data(),
              steps_.size(),      sizeof(lehr_step), rewards_.data(),    rewards_.size(),
              sizeof(lehr_reward)};
    return &table_;
  }

 private:
  // The oldest host whose services suffice for this wrapper; raised when it calls a newer one.
  static constexpr uint32_t kNeedsAbi = 1;

  lehr_str keep(std::string_view name) { return borrow(*names_.emplace(name).first); }
  template <class T>
  Plugin&& describe(std::string& list, std::string_view name, bool stage) {
    Description d;
    try {
      T().describe(d);
    } catch (const std::exception& e) {
      throw Error("describing '" + std::string(name) + "': " + e.what());
    }
    d.offers_check(detail::has_check<T>());
    if constexpr (std::is_base_of_v<Stage, T>) {
      d.offers_check_inputs(detail::has_check_inputs<T>());
      d.offers_estimate(detail::has_estimate<T>());
    }
    list += (list.empty() ? "" : ",") + d.json(name, stage);
    return std::move(*this);
  }

  std::string name_, version_, summary_, license_, description_;
  std::set<std::string, std::less<>> names_;
  std::string stages_json_, steps_json_, rewards_json_;
  std::vector<lehr_stage> stages_;
  std::vector<lehr_step> steps_;
  std::vector<lehr_reward> rewards_;
  lehr_plugin table_{};
};

}  // namespace lehr

#define LEHR_PLUGIN(...)                                                                  \
  extern "C" __attribute__((visibility("default"))) const lehr_plugin* lehr_plugin_entry( \
      const lehr_host* host) {                                                            \
    try {                                                                                 \
      static lehr::Plugin plugin = __VA_ARGS__;                                           \
      return plugin.table(host);                                                          \
    } catch (const std::exception& e) {                                                   \
      lehr::detail::refuse(host, e.what());                                               \
    } catch (...) {                                                                       \
      lehr::detail::refuse(host, "an exception that is not a std::exception");            \
    }                                                                                     \
    return nullptr;                                                                       \
  }
