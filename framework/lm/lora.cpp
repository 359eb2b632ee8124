#include "lm/lora.h"

#include <algorithm>

namespace lehr::lm {
namespace {

constexpr int64_t kAlignment = 32;  // elements, where the parts of a product begin

struct Target {
  std::string module;  // "self_attn.q_proj"
  std::string name;    // "q_proj"
  int64_t begin;       // its first output in the product
  int64_t outputs;
};

// One product of a layer: what it is called there, its inputs, and the modules that share it.
struct Product {
  Linear LayerWeights::*linear;
  int64_t inputs;
  std::vector<Target> targets;
};

// The layer's products that get an adapter, with the targets that are wanted.
std::vector<Product> adapted_products(const ModelConfig& c, const LoraOptions& options) {
  const int64_t query = c.heads * c.head_dim, key = c.kv_heads * c.head_dim;
  const int64_t channels = c.hidden_size, wide = c.intermediate_size;
  std::vector<Product> products = {
      {&LayerWeights::qkv,
       channels,
       {{"self_attn.q_proj", "q_proj", 0, query},
        {"self_attn.k_proj", "k_proj", query, key},
        {"self_attn.v_proj", "v_proj", query + key, key}}},
      {&LayerWeights::output, query, {{"self_attn.o_proj", "o_proj", 0, channels}}},
      {&LayerWeights::gate_up,
       channels,
       {{"mlp.gate_proj", "gate_proj", 0, wide}, {"mlp.up_proj", "up_proj", wide, wide}}},
      {&LayerWeights::down, wide, {{"mlp.down_proj", "down_proj", 0, channels}}},
  };
  for (Product& product : products)
    std::erase_if(product.targets, [&](const Target& target) {
      return std::find(options.targets.begin(), options.targets.end(), target.name) ==
             options.targets.end();
    });
  std::erase_if(products, [](const Product& product) { return product.targets.empty(); });
  return products;
}

}  // namespace

double LoraOptions::scale() const {
  return rank ? alpha.value_or(2.0 * static_cast<double>(*rank)) / static_cast<double>(*rank) : 0;
}

void describe(Description& d, LoraOptions& options) {
  d.group("lora",
          [&](Description& l) {
            l.count("rank", options.rank)
                .range(1, 1024)
                .help("null: no adapter, all weights are trained");
            l.real("alpha", options.alpha)
                .at_least(0)
                .help("the adapter counts alpha / rank times; null: 2 * rank");
            l.list("targets", options.targets, "string")
                .help("of q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj");
            l.real("dropout", options.dropout)
                .range(0, 1)
                .help("of what an adapter reads, while it is trained: sft and reward alone");
          })
      .help(
          "trains low-rank adapters beside frozen weights; the model that comes out has them "
          "merged, its folder adapter/ holds them in PEFT's format");
}

void check(const LoraOptions& options) {
  const std::vector<std::string> known = LoraOptions().targets;
  const char* given = options.alpha         ? "lora.alpha"
                      : options.dropout > 0 ? "lora.dropout"
                                            : "lora.targets";
  if (!options.rank && (options.alpha || options.targets != known || options.dropout > 0))
    throw Error(std::string(given) +
                ": without lora.rank there is no adapter, and all weights are trained. Give a "
                "rank, as 16, or leave lora out");
  if (options.alpha && *options.alpha <= 0)
    throw Error(
        "lora.alpha: at 0 the adapter counts nothing and learns nothing. Give more, as 32, or "
        "leave it out: twice the rank");
  if (options.dropout >= 1)
    throw Error("lora.dropout: at 1 the adapter sees nothing of its inputs. Give less, as 0.05");
  if (options.targets.empty()) throw Error("lora.targets: is empty; name at least one, as q_proj");
  for (std::size_t i = 0; i < options.targets.size(); ++i)
    if (std::find(known.begin(), known.end(), options.targets[i]) == known.end())
      throw Error("lora.targets[" + std::to_string(i) + "]: there is no target '" +
                  options.targets[i] +
                  "'. Known: q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj");
}

void check_no_dropout(const LoraOptions& options) {
  if (options.dropout > 0)
    throw Error(
        "lora.dropout: this stage compares the model's log-probabilities with earlier ones or its "
        "reference's, which dropout would blur. Leave it out");
}

std::vector<ParameterSlot> adapter_slots(const ModelConfig& config, const LoraOptions& options) {
  std::vector<ParameterSlot> slots;
  int64_t offset = 0;
  const auto align = [&] { offset = (offset + kAlignment - 1) / kAlignment * kAlignment; };
  const auto add = [&](std::string name, int64_t rows, int64_t columns) {
    slots.push_back({std::move(name), {rows, columns}, offset, rows * columns, true});
    offset += rows * columns;
  };
  const std::vector<Product> products = adapted_products(config, options);
  for (int64_t i = 0; i < config.layers; ++i) {
    const std::string layer = "model.layers." + std::to_string(i) + ".";
    for (const Product& product : products) {
      align();
      for (const Target& target : product.targets)
        add(layer + target.module + ".lora_A.weight", *options.rank, product.inputs);
      for (const Target& target : product.targets)
        add(layer + target.module + ".lora_B.weight", target.outputs, *options.rank);
    }
  }
  align();
  if (config.has_score_weight()) add("score.weight", config.score_heads, config.hidden_size);
  return slots;
}

void attach_adapter(TrunkWeights& trunk, const at::Tensor& flat, const ModelConfig& config,
                    const LoraOptions& options) {
  const std::vector<ParameterSlot> slots = adapter_slots(config, options);
  size_t next = 0;
  const auto view = [&](const ParameterSlot& first, int64_t rows) {
    return flat.narrow(0, first.offset, rows * first.shape[1]).view({rows, first.shape[1]});
  };
  const std::vector<Product> products = adapted_products(config, options);
  for (LayerWeights& layer : trunk.layers) {
    for (const Product& product : products) {
      Linear& linear = layer.*product.linear;
      const auto count = static_cast<int64_t>(product.targets.size());
      linear.a = view(slots[next], count * *options.rank);
      linear.scale = options.scale();
      linear.parts.clear();
      next += product.targets.size();
      for (const Target& target : product.targets)
        linear.parts.push_back({target.begin, view(slots[next++], target.outputs)});
    }
  }
}

}  // namespace lehr::lm
