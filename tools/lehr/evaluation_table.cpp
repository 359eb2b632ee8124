#include "evaluation_table.h"

#include "runtime/store/durable_file.h"

namespace lehr::cli {

std::string evaluation_table(const runtime::ArtifactStore& store, const std::string& stage,
                             const std::string& digest) try {
  const auto folder = store.artifact_path(digest), table = folder / "table.txt";
  if (!std::filesystem::exists(table) || runtime::read_artifact(folder).type != kEvaluation)
    return "";
  return "\n" + stage + "\n" + runtime::read_file(table);
} catch (const runtime::StoreError&) {  // damaged: `lehr store verify` says how
  return "";
}

}  // namespace lehr::cli
