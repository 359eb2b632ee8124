#include "lm/model_weights.h"

#include <c10/util/Half.h>

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>
#include <set>
#include <stdexcept>

#include "lm/checkpoint.h"
#include "lm/finite.h"
#include "lm/model.h"

namespace lehr::lm {
namespace {

namespace fs = std::filesystem;

std::string shape_text(const std::vector<int64_t>& shape) {
  std::string text = "[";
  for (const int64_t side : shape) text += (text.size() > 1 ? ", " : "") + std::to_string(side);
  return text + "]";
}

std::set<fs::path> weight_files(const fs::path& folder) {
  const fs::path index = folder / "model.safetensors.index.json";
  if (fs::exists(folder / "model.safetensors") || !fs::exists(index))
    return {folder / "model.safetensors"};
  const nlohmann::json json = read_state(index);
  const auto map = json.find("weight_map");
  if (map == json.end() || !map->is_object())
    throw std::runtime_error(index.string() + ": has no weight_map");
  std::set<fs::path> files;
  for (const auto& [name, file] : map->items()) {
    const fs::path shard = file.is_string() ? fs::path(file.get<std::string>()) : fs::path();
    if (shard.empty() || shard != shard.filename())
      throw std::runtime_error(index.string() + ": tensor '" + name + "' lies in " + file.dump() +
                               ", which is no file of the folder");
    files.insert(folder / shard);
  }
  return files;
}

bool is_redundant(const std::string& name, const ModelConfig& config) {
  return (name == "lm_head.weight" && config.tie_word_embeddings) ||
         name.ends_with("rotary_emb.inv_freq");
}

bool same_values(const TensorEntry& a, const TensorEntry& b) {
  if (a.shape != b.shape || !is_float(a.dtype) || !is_float(b.dtype)) return false;
  if (a.dtype == b.dtype) return std::memcmp(a.data, b.data, a.bytes) == 0;
  std::vector<float> left(static_cast<std::size_t>(a.elements())), right(left.size());
  to_float(a, left.data());
  to_float(b, right.data());
  return left == right;
}

}  // namespace

bool is_float(DType type) {
  return type == DType::kF32 || type == DType::kBF16 || type == DType::kF16;
}

ModelWeights::ModelWeights(const fs::path& model_folder) : folder_(model_folder) {
  for (const fs::path& path : weight_files(model_folder)) {
    const auto& file = files_.emplace_back(std::make_unique<SafetensorsFile>(path));
    for (const TensorEntry& entry : file->entries()) {
      if (!index_.emplace(entry.name, entries_.size()).second)
        throw std::runtime_error(path.string() + ": tensor '" + entry.name +
                                 "' is in another file of the folder too");
      entries_.push_back(entry);
    }
  }
}

const TensorEntry* ModelWeights::find(const std::string& name) const {
  const auto found = index_.find(name);
  return found == index_.end() ? nullptr : &entries_[found->second];
}

const TensorEntry& ModelWeights::at(const std::string& name) const {
  if (const TensorEntry* entry = find(name)) return *entry;
  throw std::runtime_error(folder_.string() + ": no tensor '" + name + "'");
}

void ModelWeights::check_fit(const ModelConfig& config) const {
  std::set<std::string> known;
  for (const ParameterSlot& slot : parameter_slots(config)) {
    const TensorEntry& entry = at(slot.name);
    if (entry.shape != slot.shape)
      throw std::runtime_error(folder_.string() + ": tensor '" + slot.name + "' has shape " +
                               shape_text(entry.shape) + ", config.json implies " +
                               shape_text(slot.shape));
    if (!is_float(entry.dtype))
      throw std::runtime_error(folder_.string() + ": tensor '" + entry.name + "' has dtype " +
                               dtype_name(entry.dtype) + ", expected F32, BF16 or F16");
    known.insert(slot.name);
  }
  for (const TensorEntry& entry : entries_)
    if (!known.contains(entry.name) && !is_redundant(entry.name, config))
      throw std::runtime_error(folder_.string() + ": tensor '" + entry.name +
                               "' has no place in the model config.json describes");
  // Some readers then tie them all the same, others do not.
  const TensorEntry* head = find("lm_head.weight");
  if (head != nullptr && config.head == HeadKind::kLanguage && config.tie_word_embeddings &&
      !same_values(*head, at("model.embed_tokens.weight")))
    throw std::runtime_error(folder_.string() +
                             ": config.json says tie_word_embeddings, but 'lm_head.weight' is "
                             "other than 'model.embed_tokens.weight'. Say false there to keep that "
                             "head, or take the tensor away");
}

void ModelWeights::check_finite(const TensorEntry& entry) const {
  const auto file = std::find_if(files_.begin(), files_.end(), [&](const auto& candidate) {
    return candidate->find(entry.name) != nullptr;
  });
  lm::check_finite(**file, entry);
}

void ModelWeights::read(const std::string& name, float* to) const {
  const TensorEntry& entry = at(name);
  check_finite(entry);
  to_float(entry, to);
}

void to_float(const TensorEntry& entry, float* to) {
  if (entry.dtype == DType::kF32) {
    std::memcpy(to, entry.data, entry.bytes);
    return;
  }
  for (int64_t i = 0; i < entry.elements(); ++i) {
    uint16_t bits;
    std::memcpy(&bits, entry.data + 2 * i, 2);
    if (entry.dtype == DType::kF16) {
      to[i] = static_cast<float>(c10::Half(bits, c10::Half::from_bits()));
    } else {
      const uint32_t wide = uint32_t{bits} << 16;
      std::memcpy(to + i, &wide, 4);
    }
  }
}

}  // namespace lehr::lm
