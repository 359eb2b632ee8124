// A host for tests: metrics and results in memory, durable states as folders, cancelling at a given
// progress. Inputs and outputs are plain folders, parameters the values that a test gives.
#pragma once

#include <lehr/context.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

struct lehr_context {
  std::filesystem::path root;  // removed with the context
  std::vector<std::tuple<std::int64_t, std::string, double>> metrics;
  std::map<std::string, double> results;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> progress;  // done, of how many
  std::vector<std::string> messages;
  std::string latest;              // tag
  std::vector<std::string> tags;   // of all states that are kept
  std::int64_t commits_left = -1;  // later states are lost, as by a kill; -1: none is
  bool fail_commits = false;
  std::int64_t cancel_after = -1;  // cancelled once a progress of this many units was told
  std::string cancel_unit;         // of that; empty: any
  bool cancelled = false;
  std::int64_t asks_left = -1;  // how often cancelled() says no before it is so; -1: ever
  std::int64_t asked = 0;
  std::string path;  // what was handed out last
  const lehr_value* parameters = nullptr;
  std::string device = "cpu";
  std::vector<std::pair<std::string, std::string>> inputs;  // ports and their folders
  std::map<std::string, std::string> facets;                // "model.role"
  std::map<std::string, std::string> input_facets;          // of ports, JSON
  std::function<double(const lehr_exchange&)> reward;       // of every entry of `rewards`

  lehr_context() {
    std::string name = (std::filesystem::temp_directory_path() / "lehr-test-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw lehr::Error("no temporary folder");
    root = name;
  }
  ~lehr_context() { std::filesystem::remove_all(root); }
  // Those that do not depend on the clock.
  auto lasting_metrics() const {
    auto lasting = metrics;
    std::erase_if(lasting, [](const auto& m) { return std::get<1>(m).starts_with("checkpoint/"); });
    return lasting;
  }
  lehr_context(const lehr_context&) = delete;
  lehr_context& operator=(const lehr_context&) = delete;
};

namespace lehr::lm {

inline const lehr_host* fake_host() {
  static const lehr_host host = [] {
    lehr_host h{};
    h.size = sizeof h;
    h.abi = LEHR_ABI_VERSION;
    h.log = [](lehr_context* self, int32_t, lehr_str text) {
      self->messages.emplace_back(view(text));
    };
    h.progress = [](lehr_context* self, const lehr_progress* p) {
      self->progress.emplace_back(p->done, p->total);
      const bool counts = self->cancel_unit.empty() || self->cancel_unit == view(p->unit);
      if (counts && self->cancel_after >= 0 &&
          p->done >= static_cast<std::uint64_t>(self->cancel_after))
        self->cancelled = true;
    };
    h.metric = [](lehr_context* self, int64_t step, lehr_str name, double value) {
      self->metrics.emplace_back(step, std::string(view(name)), value);
    };
    h.result = [](lehr_context* self, lehr_str name, double value, uint32_t flags) {
      if ((flags & LEHR_RESULT_VOLATILE) == 0) self->results[std::string(view(name))] = value;
    };
    h.cancelled = [](lehr_context* self) -> int32_t {
      ++self->asked;
      if (self->asks_left >= 0 && self->asks_left-- == 0) self->cancelled = true;
      return self->cancelled;
    };
    h.fail = [](lehr_context* self, lehr_str text) { self->messages.emplace_back(view(text)); };
    h.parameters = [](lehr_context* self) { return self->parameters; };
    h.seed = [](lehr_context*) -> uint64_t { return 7; };
    h.threads = [](lehr_context*) -> uint32_t { return 2; };
    h.device = [](lehr_context* self) { return borrow(self->device); };
    h.input_count = [](lehr_context* self) { return self->inputs.size(); };
    h.input = [](lehr_context* self, size_t index, lehr_input* out, size_t) {
      *out = {};
      out->port = borrow(self->inputs.at(index).first);
      out->path = borrow(self->inputs.at(index).second);
      out->facets = borrow(self->input_facets[self->inputs.at(index).first]);
      return LEHR_OK;
    };
    h.output = [](lehr_context* self, lehr_str port, lehr_str* path) {
      self->path = (self->root / "out" / view(port)).string();
      std::filesystem::create_directories(self->path);
      *path = borrow(self->path);
      return LEHR_OK;
    };
    h.set_facet = [](lehr_context* self, lehr_str port, lehr_str name, lehr_str value) {
      self->facets[std::string(view(port)) + "." + std::string(view(name))] = view(value);
      return LEHR_OK;
    };
    h.score = [](lehr_context* self, lehr_str, size_t, const lehr_exchange* exchanges, size_t count,
                 size_t, double* scores) {
      std::transform(exchanges, exchanges + count, scores, self->reward);
      return LEHR_OK;
    };
    h.state_begin = [](lehr_context* self, lehr_str* path) {
      self->path = (self->root / "state" / "next").string();
      std::filesystem::remove_all(self->path);
      std::filesystem::create_directories(self->path);
      *path = borrow(self->path);
      return LEHR_OK;
    };
    h.state_commit = [](lehr_context* self, lehr_str tag, lehr_str keep) {
      if (self->fail_commits) return LEHR_FAILED;
      if (self->commits_left == 0) return LEHR_OK;
      --self->commits_left;
      const std::filesystem::path state = self->root / "state";
      const std::string list(view(keep));
      std::erase_if(self->tags, [&](const std::string& old) {
        const bool gone = old == view(tag) || list.find('"' + old + '"') == std::string::npos;
        if (gone) std::filesystem::remove_all(state / old);
        return gone;
      });
      self->latest = view(tag);
      self->tags.push_back(self->latest);
      std::filesystem::rename(state / "next", state / self->latest);
      return LEHR_OK;
    };
    h.state_find = [](lehr_context* self, lehr_str tag, lehr_str* path) {
      if (std::find(self->tags.begin(), self->tags.end(), view(tag)) == self->tags.end())
        return LEHR_FAILED;
      self->path = (self->root / "state" / view(tag)).string();
      *path = borrow(self->path);
      return LEHR_OK;
    };
    h.state_latest = [](lehr_context* self, lehr_str* tag, lehr_str* path) {
      if (self->latest.empty()) return LEHR_FAILED;
      self->path = (self->root / "state" / self->latest).string();
      *tag = borrow(self->latest);
      *path = borrow(self->path);
      return LEHR_OK;
    };
    return h;
  }();
  return &host;
}

}  // namespace lehr::lm
