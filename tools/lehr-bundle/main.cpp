// lehr-bundle: writes and reads bundles (runtime/store/bundle.h) for `lehr store export` and
// `import`. A program of its own because libarchive brings XML, Unicode and compression libraries,
// which every `lehr` would load at its start.
//
//   lehr-bundle export STORE FILE all|alone DIGEST...
//   lehr-bundle import STORE FILE
#include <cstring>
#include <exception>
#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

#include "runtime/run/human_text.h"
#include "runtime/store/bundle.h"
#include "text/standard_output.h"

namespace lehr {
namespace {

namespace fs = std::filesystem;
using runtime::Lineage;

std::string counted(std::size_t count, const std::string& thing) {
  return std::to_string(count) + " " + thing + (count == 1 ? "" : "s");
}

// Without what they were made from: the artifacts, and the results that made them.
Lineage::Reached only_these(const Lineage& lineage, const std::vector<std::string>& digests) {
  Lineage::Reached out;
  for (const std::string& digest : digests) {
    out.digests.insert(digest);
    for (const auto* maker : lineage.makers(digest)) {
      out.keys.insert(maker->key);
      for (const auto& [port, output] : maker->outputs) out.digests.insert(output.digest);
    }
  }
  return out;
}

void write_bundle(const runtime::ArtifactStore& store, const std::string& file, bool alone,
                  const std::vector<std::string>& digests) {
  const Lineage lineage(store.results());
  const auto report = runtime::export_bundle(
      store, alone ? only_these(lineage, digests) : lineage.above(digests), digests, file);
  std::cout << file << ": " << counted(report.artifacts, "artifact") << ", "
            << counted(report.results, "result") << ", " << runtime::bytes_text(report.bytes)
            << " (" << runtime::bytes_text(fs::file_size(file)) << " compressed)\n";
  if (report.missing > 0)
    std::cout << counted(report.missing, "artifact")
              << " they were made from are no longer in the store, and left out\n";
}

void read_bundle(const runtime::ArtifactStore& store, const std::string& file) {
  const auto report = runtime::import_bundle(store, file);
  std::cout << counted(report.artifacts, "artifact") << " (" << report.fresh_artifacts << " new), "
            << counted(report.results, "result") << " (" << report.fresh_results << " new), "
            << runtime::bytes_text(report.bytes) << " into " << store.root().string() << "\n";
  for (const std::string& digest : report.named)
    std::cout << "pinned " << store.artifact(digest).type << " " << digest.substr(0, 12) << "\n";
  for (const std::string& key : report.other)
    std::cout << "kept the store's own result of stage '" << store.find_result(key)->stage_id
              << "' (key " << key.substr(0, 12) << "): the bundle has other outputs for it\n";
}

}  // namespace
}  // namespace lehr

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  try {
    if (arguments.size() > 4 && arguments[0] == "export")
      lehr::write_bundle(lehr::runtime::ArtifactStore(arguments[1]), arguments[2],
                         arguments[3] == "alone", {arguments.begin() + 4, arguments.end()});
    else if (arguments.size() == 3 && arguments[0] == "import")
      lehr::read_bundle(lehr::runtime::ArtifactStore(arguments[1]), arguments[2]);
    else
      return std::cerr << "lehr-bundle is run by `lehr store export` and `lehr store import`\n", 2;
    lehr::text::flush_output();
    return 0;
  } catch (const std::exception& e) {
    std::cerr << "lehr: " << e.what() << "\n";
    return 1;
  }
}
