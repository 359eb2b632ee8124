// lehr.lock and lists of allowed plugins: read, and written into.
#include <nlohmann/json.hpp>

#include "cut_input.h"
#include "runtime/plan/allow_list.h"
#include "runtime/plan/lock_file.h"

using namespace lehr;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const fuzz::InputFolder folder({"lehr.lock"});
  folder.fill(data, size);
  try {
    runtime::AllowList::read(folder.path() / "lehr.lock");
  } catch (const runtime::AllowListError&) {
  }
  try {
    const auto locked = runtime::read_lock(folder.path() / "x.yaml");
    runtime::write_lock(folder.path() / "x.yaml", locked);
    if (runtime::read_lock(folder.path() / "x.yaml").size() != locked.size()) std::abort();
  } catch (const runtime::LockError&) {
  } catch (const runtime::StoreError&) {
  }
  return 0;
}
