#include "lm/checkpoint.h"

#include <charconv>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "lm/safetensors.h"
#include "text/strict_json.h"

namespace lehr::lm {

namespace {

// One entry per slot of a flat float32 buffer laid out as the model's weights.
void add_entries(std::vector<TensorEntry>& entries, const ParameterBuffer& parameters,
                 const at::Tensor& flat, const std::string& prefix) {
  for (const ParameterSlot& slot : parameters.slots) {
    TensorEntry entry;
    entry.name = prefix + slot.name;
    entry.dtype = DType::kF32;
    entry.shape = slot.shape;
    entry.data = reinterpret_cast<const std::byte*>(flat.data_ptr<float>() + slot.offset);
    entry.bytes = static_cast<size_t>(slot.size) * sizeof(float);
    entries.push_back(entry);
  }
}

void fill(const SafetensorsFile& file, const ParameterBuffer& parameters, const at::Tensor& flat,
          const std::string& prefix) {
  for (const ParameterSlot& slot : parameters.slots) {
    const TensorEntry& entry = file.at(prefix + slot.name);
    if (entry.dtype != DType::kF32 || entry.shape != slot.shape)
      throw std::runtime_error(file.path().string() + ": tensor '" + entry.name +
                               "' does not have the model's shape in F32");
    std::memcpy(flat.data_ptr<float>() + slot.offset, entry.data, entry.bytes);
  }
}

}  // namespace

void save_checkpoint(const std::filesystem::path& dir, const ParameterBuffer& parameters,
                     const AdamW* optimizer) {
  std::filesystem::create_directories(dir);
  std::vector<TensorEntry> weights;
  add_entries(weights, parameters, parameters.weights, "");
  write_safetensors(dir / "model.safetensors", weights);
  if (optimizer == nullptr) return;
  std::vector<TensorEntry> moments;
  add_entries(moments, parameters, optimizer->exp_avg(), "exp_avg.");
  add_entries(moments, parameters, optimizer->exp_avg_sq(), "exp_avg_sq.");
  write_safetensors(dir / "optimizer.safetensors", moments,
                    {{"updates", std::to_string(optimizer->updates())}});
}

void load_checkpoint(const std::filesystem::path& dir, ParameterBuffer& parameters,
                     AdamW* optimizer) {
  const SafetensorsFile weights(dir / "model.safetensors");
  fill(weights, parameters, parameters.weights, "");
  parameters.refresh_compute_copy();
  if (optimizer == nullptr) return;
  const SafetensorsFile moments(dir / "optimizer.safetensors");
  fill(moments, parameters, optimizer->exp_avg(), "exp_avg.");
  fill(moments, parameters, optimizer->exp_avg_sq(), "exp_avg_sq.");
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
