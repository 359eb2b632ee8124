// The facts about this machine that a stage of determinism `machine` depends on. Of GPUs only what
// the driver's files tell: CUDA is a plugin's business.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

namespace lehr::runtime {

// "x86-64-v2", "-v3" (AVX2, FMA) or "-v4" (AVX-512); elsewhere the architecture's name.
std::string instruction_set_tier();

// The GPUs that CUDA shows a process of ours, by what CUDA_VISIBLE_DEVICES would list: "0", "1",
// "GPU-3f2a", "MIG-7".
std::vector<std::string> visible_gpus();
// The same where the variable is `listed` (null: not set) and the machine has `count` GPUs (0: not
// known). As CUDA reads it, the list ends at the first entry that is no GPU, and is void where one
// comes twice.
std::vector<std::string> visible_gpus(const char* listed, std::size_t count);

// "NVIDIA H100 80GB HBM3", of the GPUs that are visible; of several models all, sorted, with " + "
// between. "unknown GPU" where the driver does not tell. (Which GPU a number stands for only CUDA
// knows: with numbers, all models of the machine are named.)
std::string gpu_model();
// driver: /proc/driver/nvidia/gpus, or what is like it.
std::string gpu_model(const std::vector<std::string>& visible, const std::filesystem::path& driver);

}  // namespace lehr::runtime
