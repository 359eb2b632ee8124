// A bundle of artifacts, zstd or a plain tar: list, results, files, taken over into a store.
// Nothing is left behind of one that is refused.
#include <unistd.h>

#include "input_file.h"
#include "runtime/store/bundle.h"

namespace {

using namespace lehr;
namespace fs = std::filesystem;

// A store of this process, emptied before it is used again.
class Scratch {
 public:
  Scratch() {
    std::string name = (fs::temp_directory_path() / "fuzz-bundle-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    folder_ = name;
  }
  ~Scratch() { runtime::remove_tree(folder_); }
  fs::path fresh() const {
    runtime::remove_tree(folder_ / "store");
    return folder_ / "store";
  }

 private:
  fs::path folder_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Scratch scratch;
  const fuzz::InputFile file(data, size);
  const runtime::ArtifactStore store(scratch.fresh());
  try {
    runtime::import_bundle(store, file.path());
  } catch (const runtime::StoreError&) {
    if (!fs::is_empty(store.root() / "work")) std::abort();
    return 0;
  }
  if (!store.verify(1).empty()) std::abort();
  return 0;
}
