#include "lm/checkpoint.h"

#include <charconv>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "lm/device.h"
#include "lm/finite.h"
#include "lm/safetensors.h"
#include "text/strict_json.h"

namespace lehr::lm {

namespace {

// One entry per slot of a flat float32 buffer.
void add_entries(std::vector<TensorEntry>& entries, const std::vector<ParameterSlot>& slots,
                 const at::Tensor& flat, const std::string& prefix) {
  for (const ParameterSlot& slot : slots) {
    TensorEntry entry;
    entry.name = prefix + slot.name;
    entry.dtype = DType::kF32;
    entry.shape = slot.shape;
    entry.data = reinterpret_cast<const std::byte*>(flat.data_ptr<float>() + slot.offset);
    entry.bytes = static_cast<size_t>(slot.size) * sizeof(float);
    entries.push_back(entry);
  }
}

void fill(const SafetensorsFile& file, const std::vector<ParameterSlot>& slots,
          const at::Tensor& flat, const std::string& prefix) {
  const at::Tensor host = on_host(flat);
  for (const ParameterSlot& slot : slots) {
    const TensorEntry& entry = file.at(prefix + slot.name);
    if (entry.dtype != DType::kF32 || entry.shape != slot.shape)
      throw std::runtime_error(file.path().string() + ": tensor '" + entry.name +
                               "' does not have the model's shape in F32");
    check_finite(file, entry);
    std::memcpy(host.data_ptr<float>() + slot.offset, entry.data, entry.bytes);
  }
  flat.copy_(host);
}

}  // namespace

void CheckpointPart::add_to(Snapshot& snapshot) const {
  snapshot.add(parameters.weights);
  if (!exp_avg.defined()) return;
  snapshot.add(exp_avg);
  snapshot.add(exp_avg_sq);
}

CheckpointPart checkpoint_part(std::string folder, const ParameterBuffer& parameters,
                               const Optimizer* optimizer) {
  CheckpointPart part{std::move(folder), parameters};
  if (optimizer == nullptr) return part;
  part.exp_avg = optimizer->exp_avg();
  part.exp_avg_sq = optimizer->exp_avg_sq();
  part.squared = optimizer->squared();
  part.updates = optimizer->updates();
  return part;
}

void save_checkpoint(const std::filesystem::path& dir, const CheckpointPart& part,
                     Snapshot* snapshot) {
  const std::filesystem::path folder = dir / part.folder;
  std::filesystem::create_directories(folder);
  EntryReader read;
  if (snapshot != nullptr)
    read = [&](const TensorEntry& entry, const Snapshot::Sink& write) {
      snapshot->read(entry.data, entry.bytes, write);
    };
  // A snapshot knows values by where they were on the device.
  const auto readable = [&](const at::Tensor& flat) {
    return snapshot != nullptr ? flat : on_host(flat);
  };
  const at::Tensor flat_weights = readable(part.parameters.weights);
  std::vector<TensorEntry> weights;
  add_entries(weights, part.parameters.slots, flat_weights, "");
  write_safetensors(folder / "model.safetensors", weights, {}, read);
  if (!part.exp_avg.defined()) return;
  const at::Tensor exp_avg = readable(part.exp_avg), exp_avg_sq = readable(part.exp_avg_sq);
  std::vector<TensorEntry> moments;
  add_entries(moments, part.parameters.slots, exp_avg, "exp_avg.");
  add_entries(moments, part.squared, exp_avg_sq, "exp_avg_sq.");
  write_safetensors(folder / "optimizer.safetensors", moments,
                    {{"updates", std::to_string(part.updates)}}, read);
}

void load_checkpoint(const std::filesystem::path& dir, ParameterBuffer& parameters,
                     Optimizer* optimizer) {
  const SafetensorsFile weights(dir / "model.safetensors");
  fill(weights, parameters.slots, parameters.weights, "");
  parameters.refresh_compute_copy();
  if (optimizer == nullptr) return;
  const SafetensorsFile moments(dir / "optimizer.safetensors");
  fill(moments, parameters.slots, optimizer->exp_avg(), "exp_avg.");
  fill(moments, optimizer->squared(), optimizer->exp_avg_sq(), "exp_avg_sq.");
  const auto updates = moments.metadata().find("updates");
  if (updates == moments.metadata().end())
    throw std::runtime_error(moments.path().string() + ": no count of updates in its metadata");
  int64_t count = 0;
  const std::string& digits = updates->second;
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), count);
  if (read.ec != std::errc() || read.ptr != digits.data() + digits.size() || count < 0)
    throw std::runtime_error(moments.path().string() + ": its count of updates is '" + digits +
                             "'");
  optimizer->set_updates(count);
}

void write_state(const std::filesystem::path& file, const nlohmann::json& state) {
  std::ofstream out(file, std::ios::binary);
  out << state.dump(1) << '\n';
  out.close();
  if (!out) throw std::runtime_error(file.string() + ": could not be written");
}

nlohmann::json read_state(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) throw std::runtime_error(file.string() + ": could not be opened");
  std::ostringstream content;
  content << in.rdbuf();
  try {
    return text::parse_json<nlohmann::json>(content.view());
  } catch (const text::JsonError& e) {
    throw std::runtime_error(file.string() + ": " + e.what());
  }
}

}  // namespace lehr::lm
