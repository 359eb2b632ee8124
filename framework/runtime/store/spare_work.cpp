#include "runtime/store/spare_work.h"

#include "runtime/store/run_log.h"

namespace lehr::runtime {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kSparePrefix = "spare-";

}  // namespace

std::string spare_name(std::string_view run, std::size_t number) {
  return std::string(kSparePrefix).append(run).append("-").append(std::to_string(number));
}

std::string_view run_of_spare(std::string_view name) {
  const std::size_t dash = name.rfind('-');
  if (!name.starts_with(kSparePrefix) || dash <= kSparePrefix.size()) return {};
  return name.substr(kSparePrefix.size(), dash - kSparePrefix.size());
}

std::vector<fs::path> abandoned_spares(const fs::path& store_root) {
  std::vector<fs::path> out;
  std::error_code error;
  for (fs::directory_iterator it(store_root / "work", error), end; !error && it != end;
       it.increment(error)) {
    const std::string name = it->path().filename().string();
    const std::string_view run = run_of_spare(name);
    if (!run.empty() && !is_running(store_root / "runs" / run)) out.push_back(it->path());
  }
  return out;
}

}  // namespace lehr::runtime
