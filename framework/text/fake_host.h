// A host for tests: runs a stage in this process, with one output folder, keeps its results and
// messages, and keeps durable states as the real one does.
#pragma once

#include <lehr/plugin.h>

#include <atomic>
#include <deque>
#include <filesystem>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace lehr::text {

// A JSON value as the tree that plugins are given.
class ValueTree {
 public:
  explicit ValueTree(const nlohmann::json& json) : root_(build(json)) {}
  const lehr_value* root() const { return &root_; }

 private:
  lehr_value build(const nlohmann::json& json);
  std::deque<std::string> texts_;
  std::deque<std::vector<lehr_value>> items_;
  std::deque<std::vector<lehr_str>> keys_;
  lehr_value root_;
};

class FakeHost {
 public:
  // folder/out and folder/state are used; what is in them is gone on with.
  FakeHost(std::filesystem::path folder, std::filesystem::path documents,
           const nlohmann::json& parameters, int threads);
  void add_input(const std::string& port, const std::filesystem::path& path) {
    inputs_.push_back({port, path.string()});
  }
  void add_step(const std::string& name, const lehr_step& step) { steps_[name] = step; }
  lehr_status run(const lehr_stage& stage);
  std::filesystem::path output() const { return folder_ / "out"; }
  // The files of the output by their names.
  std::map<std::string, std::string> contents() const;

  std::map<std::string, double> results;
  std::string failure;
  std::vector<std::string> messages;  // info and warnings
  int commits = 0;
  // How often cancelled() says no; any thread asks.
  std::atomic<int> cancel_after = 1 << 30;

 private:
  static FakeHost& self(lehr_context* context) { return *reinterpret_cast<FakeHost*>(context); }
  lehr_host table();
  void truncate_outputs();
  void commit(const std::string& tag, std::string_view keep_tags);

  struct PortPath {
    std::string port, path;
  };
  std::filesystem::path folder_;
  std::vector<PortPath> inputs_;
  std::string output_text_, begun_, latest_, latest_path_, found_;
  ValueTree parameters_;
  std::deque<ValueTree> with_;  // the steps' own parameters
  int threads_;
  std::map<std::string, lehr_step> steps_;
  std::mutex mutex_;
};

}  // namespace lehr::text
