// Named tensors in flat buffers on the device: a float32 master, beside it a bf16 compute copy
// where precision is bf16, and a float32 gradient where they are trained. Optimizers and
// checkpoints see only this.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "lm/config.h"
#include "lm/runtime.h"
#include "lm/safetensors.h"

namespace lehr::lm {

// Where a named tensor lies in the flat buffers.
struct ParameterSlot {
  std::string name;
  std::vector<int64_t> shape;
  int64_t offset = 0;  // elements
  int64_t size = 0;
  bool decay = false;  // weight decay applies: 2-D weights only
};

// All parameters of such a model in Hugging Face's names. q, k, v and gate, up lie end to end, so
// that each is one product.
std::vector<ParameterSlot> parameter_slots(const ModelConfig& config);

// Copies share the tensors; copy() does not.
struct ParameterBuffer {
  ParameterBuffer() = default;
  // Zeros.
  ParameterBuffer(std::vector<ParameterSlot> slots, Precision precision);

  std::vector<ParameterSlot> slots;
  at::Tensor weights;    // float32
  at::Tensor compute;    // of compute dtype; at fp32 the weights themselves
  at::Tensor gradients;  // float32; undefined: not trained

  ParameterBuffer copy() const;  // weights and compute copy, no gradients
  // After writing to weights.
  void refresh_compute_copy();
  bool is_split() const { return !compute.is_same(weights); }

  // The float32 values on the host, to be read; where the device is the CPU, the weights.
  at::Tensor host_weights() const;
  // Calls fill(slot, where its values are to go, a place on the host that holds the present ones),
  // slot by slot, and makes the compute copy.
  void fill(const std::function<void(const ParameterSlot& slot, float* to)>& fill);

  const ParameterSlot* find(const std::string& name) const;  // nullptr: absent
  // The part of a flat buffer, in the slot's shape.
  static at::Tensor view(const at::Tensor& flat, const ParameterSlot& slot);
  // The same as a folder holds it: of several score heads their mean, [1, C].
  static at::Tensor stored(const at::Tensor& flat, const ParameterSlot& slot);
};

// For writing: float32 on the host, whose memory it borrows.
TensorEntry tensor_entry(std::string name, const at::Tensor& weight);

}  // namespace lehr::lm
