// Emptied work folders that a run passes on from stage to stage: work/spare-<run>-<number>. What a
// run leaves behind that was killed belongs to the next one.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace lehr::runtime {

std::string spare_name(std::string_view run, std::size_t number);
// The run that a folder in work/ is a spare one of; empty: it is none.
std::string_view run_of_spare(std::string_view name);
// Those whose run lives no more. They are empty but for what every work folder has.
std::vector<std::filesystem::path> abandoned_spares(const std::filesystem::path& store_root);

}  // namespace lehr::runtime
