// A stage's checkpoints, below work/<key>/:
//
//   out/<port>/                  outputs being written
//   out/result.json              the result, once all outputs are whole and being published
//   state/pending/data/          a state begun, not committed
//   state/<number>/state.json    a committed one: tag, hashes of its files, lengths and hashes of
//   all
//                                files in out/ at that moment, seconds of work up to it
//   state/<number>/data/         what the stage put there
//
// A state counts only with its state.json, which appears together with it by one rename. Numbers
// only grow.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "growing_sums.h"

namespace lehr::host {

class DurableState {
 public:
  struct State {
    std::string tag;
    std::filesystem::path path;  // of data/
  };

  explicit DurableState(std::filesystem::path work_folder);

  // Brings out/ to what the newest undamaged state says: files checked and truncated to the
  // recorded lengths, newer ones removed. Without such a state, out/ is emptied. Gives the state
  // that was resumed. `warn` hears of damaged states.
  std::optional<State> resume(const std::vector<std::string>& ports,
                              const std::function<void(const std::string&)>& warn);

  // See lehr_host in abi.h. From any thread. Throw IoError, StoreError.
  std::filesystem::path begin();
  void commit(std::string_view tag, const std::vector<std::string>& keep_tags);
  std::optional<State> latest() const;
  std::optional<State> find(std::string_view tag) const;

  // How long the stage has worked: this attempt since resume(), and those before it up to the state
  // that was resumed.
  double seconds() const;

  std::filesystem::path output(std::string_view port) const { return work_ / "out" / port; }

 private:
  std::map<std::string, std::uint64_t> output_lengths() const;
  void restore_outputs(const std::filesystem::path& state_file);
  std::filesystem::path folder(std::uint64_t number) const;

  std::filesystem::path work_;
  mutable std::mutex mutex_;
  std::map<std::uint64_t, std::string> tags_;  // committed states by number
  std::uint64_t next_ = 1;
  bool reachable_ = false;  // the folders above are on disk
  GrowingSums output_sums_;
  double seconds_before_ = 0;
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

}  // namespace lehr::host
