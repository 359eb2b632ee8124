// What a running stage can ask of Lehr: its inputs and outputs, progress, metrics, results, durable
// state.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lehr/parameter.h"
#include "lehr/value.h"

namespace lehr {

struct Input {
  std::string port, label, type;
  std::filesystem::path path;  // a read-only directory
  std::string digest;
  std::string facets;  // a JSON object of strings
  // In an estimate: a JSON object, what the stage that will make it tells of it
  // (Estimate::outputs). Empty: it tells nothing, or the input is made already.
  std::string facts = {};
};

struct Output {
  std::string port, type;
  std::filesystem::path path;  // the directory to fill
};

// size: of the lehr_input that the host gives; older ones end before `facts`.
inline Input to_input(const void* given, std::size_t size) {
  lehr_input in{};
  std::memcpy(&in, given, std::min(size, sizeof in));
  return {std::string(view(in.port)), std::string(view(in.label)),  std::string(view(in.type)),
          std::string(view(in.path)), std::string(view(in.digest)), std::string(view(in.facets)),
          std::string(view(in.facts))};
}

// How many artifacts are connected to a port.
inline std::size_t connected(const std::vector<Input>& inputs, std::string_view port) {
  return static_cast<std::size_t>(std::count_if(
      inputs.begin(), inputs.end(), [&](const Input& input) { return input.port == port; }));
}

// A document step opened for one worker thread.
class StepInstance {
 public:
  StepInstance(const lehr_step* step, void* instance)
      : step_(step), instance_(instance, step->destroy) {}
  std::string_view name() const { return view(step_->name); }
  // Judges the documents in place. Throws Error with the step's own message.
  void process(std::span<lehr_document> documents);

 private:
  const lehr_step* step_;
  std::unique_ptr<void, void (*)(void*)> instance_;
};

// Lives as long as the stage runs. Every member may be called from any thread, the state members by
// one at a time.
class Context {
 public:
  Context(lehr_context* self, const lehr_host* host) : self_(self), host_(host) {}

  Value parameters() const { return Value(host_->parameters(self_)); }
  std::uint64_t seed() const { return host_->seed(self_); }
  // How many threads this stage may use: declared by the pipeline, part of the key where results
  // depend on it.
  int threads() const { return static_cast<int>(host_->threads(self_)); }
  // Where to compute, "cpu" or "cuda": one of those that the stage lists (Description::devices). On
  // "cuda", CUDA_VISIBLE_DEVICES holds the GPUs that are the stage's own.
  std::string device() const { return std::string(view(host_->device(self_))); }

  std::vector<Input> inputs() const;
  std::vector<Input> inputs(std::string_view port) const;
  // The one artifact of a port. Throws Error if it is not connected.
  Input input(std::string_view port) const;
  bool has_input(std::string_view port) const { return !inputs(port).empty(); }
  // The directory to fill for an output port.
  std::filesystem::path output(std::string_view port) const;
  // Every output port, those that only the pipeline declares included (Description::any_outputs).
  std::vector<Output> outputs() const;
  void set_facet(std::string_view port, std::string_view name, std::string_view value) const;

  void debug(std::string_view text) const { host_->log(self_, LEHR_DEBUG, borrow(text)); }
  void info(std::string_view text) const { host_->log(self_, LEHR_INFO, borrow(text)); }
  void warning(std::string_view text) const { host_->log(self_, LEHR_WARNING, borrow(text)); }
  // total 0: not known. note: short, shown beside the bar ("loss 3.21").
  void progress(std::uint64_t done, std::uint64_t total, std::string_view unit,
                std::string_view note = "") const {
    const lehr_progress p{sizeof p, done, total, borrow(unit), borrow(note)};
    host_->progress(self_, &p);
  }
  // A point of a series kept with the run.
  void metric(std::int64_t step, std::string_view name, double value) const {
    host_->metric(self_, step, borrow(name), value);
  }
  // A number that belongs to the result and is cached with it.
  void result(std::string_view name, double value) const {
    host_->result(self_, borrow(name), value, 0);
  }
  // One that may differ when the stage runs again: a timing, say.
  void volatile_result(std::string_view name, double value) const {
    host_->result(self_, borrow(name), value, LEHR_RESULT_VOLATILE);
  }

  bool cancelled() const { return host_->cancelled(self_) != 0; }

  // Durable state; see lehr_host in abi.h.
  struct State {
    std::string tag;
    std::filesystem::path path;
  };
  std::filesystem::path begin_state() const;
  // keep: tags of older states to keep beside this one.
  void commit_state(std::string_view tag, const std::vector<std::string>& keep = {}) const;
  std::optional<State> latest_state() const;
  std::optional<State> find_state(std::string_view tag) const;

  // Step number `index` of a parameter of type steps: a new instance for one worker.
  StepInstance open_step(std::string_view parameter, std::size_t index) const;
  // One score per exchange, unweighted, by reward number `index` of a parameter of type rewards.
  std::vector<double> score(std::string_view parameter, std::size_t index,
                            std::span<const lehr_exchange> exchanges) const;

 private:
  // The host has told why through its own log; its message for the user is kept there.
  static void need(lehr_status status, std::string_view what) {
    if (status == LEHR_CANCELLED) throw Cancelled();
    if (status != LEHR_OK) throw Error(std::string(what));
  }

  lehr_context* self_;
  const lehr_host* host_;
};

// ---- implementation ----

inline void StepInstance::process(std::span<lehr_document> documents) {
  std::string message;
  const lehr_sink sink{sizeof sink, &message, [](void* self, lehr_str s) {
                         static_cast<std::string*>(self)->assign(view(s));
                       }};
  if (step_->process(instance_.get(), documents.data(), documents.size(), sizeof(lehr_document),
                     &sink) != LEHR_OK)
    throw Error("document step '" + std::string(name()) + "': " + message);
}

inline std::vector<Output> Context::outputs() const {
  if (host_->size < offsetof(lehr_host, output_at) + sizeof host_->output_at)
    throw Error("this version of Lehr cannot tell a stage its outputs. Use a newer one");
  std::vector<Output> out;
  for (std::size_t i = 0; i < host_->output_count(self_); ++i) {
    lehr_output o{};
    need(host_->output_at(self_, i, &o, sizeof o), "the host could not describe an output");
    out.push_back({std::string(view(o.port)), std::string(view(o.type)),
                   std::filesystem::path(view(o.path))});
  }
  return out;
}

inline std::vector<Input> Context::inputs() const {
  std::vector<Input> out;
  for (std::size_t i = 0; i < host_->input_count(self_); ++i) {
    lehr_input in{};
    need(host_->input(self_, i, &in, sizeof in), "the host could not describe an input");
    out.push_back(to_input(&in, sizeof in));
  }
  return out;
}

inline std::vector<Input> Context::inputs(std::string_view port) const {
  std::vector<Input> all = inputs();
  std::erase_if(all, [&](const Input& in) { return in.port != port; });
  return all;
}

inline Input Context::input(std::string_view port) const {
  std::vector<Input> found = inputs(port);
  if (found.empty()) throw Error("input '" + std::string(port) + "' is not connected");
  return std::move(found.front());
}

inline std::filesystem::path Context::output(std::string_view port) const {
  lehr_str path{};
  need(host_->output(self_, borrow(port), &path),
       "there is no output port '" + std::string(port) + "'");
  return std::string(view(path));
}

inline void Context::set_facet(std::string_view port, std::string_view name,
                               std::string_view value) const {
  need(host_->set_facet(self_, borrow(port), borrow(name), borrow(value)),
       "there is no output port '" + std::string(port) + "'");
}

inline std::filesystem::path Context::begin_state() const {
  lehr_str path{};
  need(host_->state_begin(self_, &path), "a durable state could not be begun");
  return std::string(view(path));
}

inline void Context::commit_state(std::string_view tag,
                                  const std::vector<std::string>& keep) const {
  std::string list;
  for (const auto& k : keep) list += (list.empty() ? "[" : ",") + json_string(k);
  if (!list.empty()) list += ']';
  need(host_->state_commit(self_, borrow(tag), borrow(list)),
       "a durable state could not be committed");
}

inline std::optional<Context::State> Context::latest_state() const {
  lehr_str tag{}, path{};
  if (host_->state_latest(self_, &tag, &path) != LEHR_OK) return std::nullopt;
  return State{std::string(view(tag)), std::string(view(path))};
}

inline std::optional<Context::State> Context::find_state(std::string_view tag) const {
  lehr_str path{};
  if (host_->state_find(self_, borrow(tag), &path) != LEHR_OK) return std::nullopt;
  return State{std::string(tag), std::string(view(path))};
}

inline StepInstance Context::open_step(std::string_view parameter, std::size_t index) const {
  const lehr_step* step = nullptr;
  void* instance = nullptr;
  need(host_->open_step(self_, borrow(parameter), index, &step, &instance),
       "document step " + std::to_string(index) + " of '" + std::string(parameter) +
           "' could not be opened");
  return {step, instance};
}

inline std::vector<double> Context::score(std::string_view parameter, std::size_t index,
                                          std::span<const lehr_exchange> exchanges) const {
  std::vector<double> scores(exchanges.size());
  need(host_->score(self_, borrow(parameter), index, exchanges.data(), exchanges.size(),
                    sizeof(lehr_exchange), scores.data()),
       "reward " + std::to_string(index) + " of '" + std::string(parameter) + "' could not score");
  return scores;
}

}  // namespace lehr
