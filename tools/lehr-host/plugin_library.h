// A plugin loaded into this process, and the checks that its table is one we can read. Never
// unloaded.
#pragma once

#include <lehr/abi.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <string_view>

namespace lehr::host {

// "/x/acme.so: ...": the reason a plugin cannot be used.
struct LoadError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// lehr_host.refuse: the LoadError of the library that is being loaded tells it.
void hear_refusal(lehr_str why) noexcept;

class PluginLibrary {
 public:
  // Loads the file and calls its entry function with `services`, which must live as long as the
  // process. `code`: the digest it must have, else none of it runs; empty: whatever it is. Throws
  // LoadError.
  PluginLibrary(std::filesystem::path path, const lehr_host* services,
                const std::string& code = "");

  const std::filesystem::path& path() const { return path_; }
  // The live description, JSON.
  std::string_view description() const;
  // Of one item; kind: "stages", "steps", "rewards". Throws LoadError if there is none.
  nlohmann::ordered_json item_description(std::string_view kind, std::string_view name) const;
  // Throws LoadError if the manifest embedded in the file is not the live description.
  void check_manifest() const;

  // Null: no item of that name.
  const lehr_stage* stage(std::string_view name) const;
  const lehr_step* step(std::string_view name) const;
  const lehr_reward* reward(std::string_view name) const;
  // Null: it offers none, or is older than these.
  static decltype(lehr_stage::estimate) estimate(const lehr_stage& stage);
  static decltype(lehr_stage::check_inputs) check_inputs(const lehr_stage& stage);

 private:
  std::filesystem::path path_;
  const lehr_plugin* table_ = nullptr;
};

}  // namespace lehr::host
