// The weights of a Hugging Face model folder: model.safetensors, or the shards that
// model.safetensors.index.json names. Mapped, not read; any floating-point type.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "lm/config.h"
#include "lm/safetensors.h"

namespace lehr::lm {

class ModelWeights {
 public:
  // Throws std::runtime_error naming the file at fault.
  explicit ModelWeights(const std::filesystem::path& model_folder);

  // By shard, then by offset.
  const std::vector<TensorEntry>& entries() const { return entries_; }
  const TensorEntry* find(const std::string& name) const;  // nullptr: absent
  const TensorEntry& at(const std::string& name) const;    // throws when absent

  // Throws std::runtime_error unless these are exactly the parameters of such a model, but for
  // tensors that repeat what others say (a tied head, rotation tables). A tied head that says
  // something else is refused.
  void check_fit(const ModelConfig& config) const;
  // Throws std::runtime_error where a value of the entry is NaN or infinite: nothing can be
  // computed with such weights.
  void check_finite(const TensorEntry& entry) const;
  // A tensor's values, checked. to: as many floats as it has elements.
  void read(const std::string& name, float* to) const;

 private:
  std::filesystem::path folder_;
  std::vector<std::unique_ptr<SafetensorsFile>> files_;
  std::vector<TensorEntry> entries_;
  std::map<std::string, std::size_t> index_;
};

bool is_float(DType type);  // float32, bf16 or f16
// The values of an entry of float32, bf16 or f16. to: entry.elements() floats.
void to_float(const TensorEntry& entry, float* to);

}  // namespace lehr::lm
