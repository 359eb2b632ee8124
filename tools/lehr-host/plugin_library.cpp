#include "plugin_library.h"

#include <lehr/value.h>

#include <boost/dll/shared_library.hpp>
#include <cstddef>
#include <deque>

#include "runtime/plugin/plugin_file.h"

namespace lehr::host {
namespace {

// Through the last member of version 1's first tables: an older element may end there.
constexpr std::size_t kStageSize = offsetof(lehr_stage, run) + sizeof(lehr_stage::run);
constexpr std::size_t kStepSize = offsetof(lehr_step, destroy) + sizeof(lehr_step::destroy);
constexpr std::size_t kRewardSize = offsetof(lehr_reward, destroy) + sizeof(lehr_reward::destroy);
constexpr std::size_t kPluginSize =
    offsetof(lehr_plugin, reward_stride) + sizeof(lehr_plugin::reward_stride);

// Every element says its own size, which may be smaller than its stride.
template <class Item>
bool too_small(const Item* first, std::size_t count, std::size_t stride, std::size_t least) {
  if (count > 0 && (first == nullptr || stride < least)) return true;
  const auto* base = reinterpret_cast<const char*>(first);
  for (std::size_t i = 0; i < count; ++i)
    if (reinterpret_cast<const Item*>(base + i * stride)->size < least) return true;
  return false;
}

template <class Item>
const Item* find(const Item* first, std::size_t count, std::size_t stride, std::string_view name) {
  const auto* base = reinterpret_cast<const char*>(first);
  for (std::size_t i = 0; i < count; ++i) {
    const auto* item = reinterpret_cast<const Item*>(base + i * stride);
    if (view(item->name) == name) return item;
  }
  return nullptr;
}

// A key names the code that was planned: no other may make its result.
void check_code(const std::filesystem::path& path, const std::string& planned) try {
  if (const std::string code = runtime::code_digest(path); code != planned)
    throw LoadError(path.string() + ": it was replaced after the run was planned (its code is " +
                    code + ", planned was " + planned + "). Run again");
} catch (const runtime::PluginError& e) {
  throw LoadError(e.what());
}

// Entry functions are called from the main thread alone.
std::string& refusal() {
  static std::string text;
  return text;
}

}  // namespace

void hear_refusal(lehr_str why) noexcept {
  try {
    refusal() = view(why);
  } catch (...) {  // no memory for it
  }
}

PluginLibrary::PluginLibrary(std::filesystem::path path, const lehr_host* services,
                             const std::string& code)
    : path_(std::move(path)) {
  if (!code.empty()) check_code(path_, code);
  const auto fail = [&](const std::string& why) -> LoadError {
    return LoadError(path_.string() + ": " + why);
  };
  using Mode = boost::dll::load_mode::type;
  std::error_code error;
  // Not deleted: what a plugin registered (threads, destructors, OpenMP pools) must never be
  // unmapped. Still within reach: it is no leak.
  static auto& kept = *new std::deque<boost::dll::shared_library>;
  auto* library = &kept.emplace_back(
      path_, static_cast<Mode>(boost::dll::load_mode::rtld_now | boost::dll::load_mode::rtld_local),
      error);
  if (error) {
    const char* detail = dlerror();
    std::string why = detail != nullptr ? detail : error.message();
    if (why.starts_with(path_.string() + ": ")) why.erase(0, path_.string().size() + 2);
    throw fail("it does not load: " + why);
  }
  if (!library->has(LEHR_PLUGIN_ENTRY))
    throw fail("it exports no " LEHR_PLUGIN_ENTRY ", so it is not a Lehr plugin");
  const auto entry = library->get<const lehr_plugin*(const lehr_host*)>(LEHR_PLUGIN_ENTRY);
  refusal().clear();
  table_ = entry(services);
  if (table_ == nullptr && !refusal().empty()) throw fail("its registration failed: " + refusal());
  if (table_ == nullptr)
    throw fail("it cannot use this host (plugin boundary version " +
               std::to_string(LEHR_ABI_VERSION) + "), or its registration failed");
  if (table_->size < kPluginSize || table_->abi == 0)
    throw fail("its table is too small to be a plugin's");
  if (table_->needs_abi > LEHR_ABI_VERSION)
    throw fail("it needs plugin boundary version " + std::to_string(table_->needs_abi) +
               ", this is " + std::to_string(LEHR_ABI_VERSION) + ". Use a newer Lehr");
  if (too_small(table_->stages, table_->stage_count, table_->stage_stride, kStageSize) ||
      too_small(table_->steps, table_->step_count, table_->step_stride, kStepSize) ||
      too_small(table_->rewards, table_->reward_count, table_->reward_stride, kRewardSize))
    throw fail("the elements of its tables are smaller than version 1 says");
}

std::string_view PluginLibrary::description() const { return view(table_->description); }

nlohmann::ordered_json PluginLibrary::item_description(std::string_view kind,
                                                       std::string_view name) const {
  const auto live = nlohmann::ordered_json::parse(description(), nullptr, false);
  if (live.is_object() && live.contains(kind))
    for (const auto& item : live.at(std::string(kind)))
      if (item.value("name", "") == name) return item;
  throw LoadError(path_.string() + ": its description has no '" + std::string(name) +
                  "' among its " + std::string(kind));
}

void PluginLibrary::check_manifest() const {
  if (runtime::embedded_manifest(path_) == description()) return;
  const auto embedded = runtime::read_plugin_file(path_).description;
  const auto live = nlohmann::ordered_json::parse(description(), nullptr, false);
  if (live.is_discarded()) throw LoadError(path_.string() + ": its description is not JSON");
  if (live != embedded)
    throw LoadError(
        path_.string() +
        ": the manifest in the file is not what the plugin says when loaded. Stamp it " +
        "again with 'lehr plugins stamp'");
}

const lehr_stage* PluginLibrary::stage(std::string_view name) const {
  return find(table_->stages, table_->stage_count, table_->stage_stride, name);
}
decltype(lehr_stage::estimate) PluginLibrary::estimate(const lehr_stage& stage) {
  constexpr std::size_t needed = offsetof(lehr_stage, estimate) + sizeof(lehr_stage::estimate);
  return stage.size >= needed ? stage.estimate : nullptr;
}

decltype(lehr_stage::check_inputs) PluginLibrary::check_inputs(const lehr_stage& stage) {
  constexpr std::size_t needed =
      offsetof(lehr_stage, check_inputs) + sizeof(lehr_stage::check_inputs);
  return stage.size >= needed ? stage.check_inputs : nullptr;
}
const lehr_step* PluginLibrary::step(std::string_view name) const {
  return find(table_->steps, table_->step_count, table_->step_stride, name);
}
const lehr_reward* PluginLibrary::reward(std::string_view name) const {
  return find(table_->rewards, table_->reward_count, table_->reward_stride, name);
}

}  // namespace lehr::host
