#include "lm/checkpoint.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <limits>
#include <string>

#include "lm/fake_host.h"
#include "lm/safetensors.h"
#include "lm/small_model.h"

namespace lehr::lm {
namespace {

Model trained_model() {
  Model model = Model::create(small_config(), 1, Precision::kFp32);
  model.make_trainable();
  return model;
}

Optimizer stepped(Model& model, const char* kind) {
  Optimizer optimizer(model, {.kind = kind});
  for (int step = 0; step < 2; ++step) {
    model.gradients().fill_(0.01f + 0.02f * static_cast<float>(step));
    optimizer.step(0.01);
  }
  return optimizer;
}

TEST(Checkpoint, GivesBackWeightsMomentsAndCount) {
  for (const char* kind : {"adamw", "muon"}) {
    const lehr_context host;
    Model model = trained_model(), other = trained_model();
    const Optimizer optimizer = stepped(model, kind);
    save_checkpoint(host.root, checkpoint_part("model", model.trained(), &optimizer), nullptr);
    Optimizer again(other, {.kind = kind});
    load_checkpoint(host.root / "model", other.trained(), &again);
    EXPECT_TRUE(other.weights().equal(model.weights())) << kind;
    EXPECT_TRUE(again.exp_avg().equal(optimizer.exp_avg())) << kind;
    EXPECT_TRUE(again.exp_avg_sq().equal(optimizer.exp_avg_sq())) << kind;
    EXPECT_EQ(again.updates(), 2);
  }
}

TEST(Checkpoint, IsRefusedWhereAValueIsNotFinite) {
  const lehr_context host;
  Model model = trained_model();
  Optimizer optimizer = stepped(model, "adamw");
  const auto refusal = [&]() -> std::string {
    save_checkpoint(host.root, checkpoint_part("model", model.trained(), &optimizer), nullptr);
    try {
      load_checkpoint(host.root / "model", model.trained(), &optimizer);
      return "";
    } catch (const std::runtime_error& error) {
      return error.what();
    }
  };
  EXPECT_EQ(refusal(), "");
  optimizer.exp_avg()[3] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_NE(refusal().find("optimizer.safetensors: tensor 'exp_avg."), std::string::npos)
      << refusal();
  model.trained().weights[3] = std::numeric_limits<float>::infinity();
  EXPECT_NE(refusal().find("model.safetensors: tensor 'model."), std::string::npos) << refusal();
}

TEST(Checkpoint, HoldsNoMeanOfSquaresThatMuonDoesNotUseAndIsReadWhereItDoes) {
  const lehr_context host;
  const char* matrix = "exp_avg_sq.model.layers.1.mlp.up_proj.weight";
  Model model = trained_model();
  const Optimizer muon = stepped(model, "muon");
  save_checkpoint(host.root, checkpoint_part("new", model.trained(), &muon), nullptr);
  EXPECT_EQ(SafetensorsFile(host.root / "new/optimizer.safetensors").find(matrix), nullptr);

  // As they were written before: one of every tensor.
  const Optimizer adamw = stepped(model, "adamw");
  save_checkpoint(host.root, checkpoint_part("old", model.trained(), &adamw), nullptr);
  EXPECT_NE(SafetensorsFile(host.root / "old/optimizer.safetensors").find(matrix), nullptr);
  Optimizer reader(model, {.kind = "muon"});
  load_checkpoint(host.root / "old", model.trained(), &reader);
  EXPECT_TRUE(reader.exp_avg().equal(adamw.exp_avg()));
  const auto squares = [](const Optimizer& optimizer) {
    for (const ParameterSlot& slot : optimizer.squared())
      if (slot.name == "model.norm.weight")
        return ParameterBuffer::view(optimizer.exp_avg_sq(), slot).clone();
    return at::Tensor();
  };
  EXPECT_TRUE(squares(reader).equal(squares(adamw)));
}

}  // namespace
}  // namespace lehr::lm
