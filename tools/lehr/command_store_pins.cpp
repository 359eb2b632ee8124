// lehr store pin, unpin: what gc must keep.
#include <iostream>

#include "artifact_argument.h"
#include "command_store.h"
#include "runtime/run/human_text.h"
#include "runtime/store/lineage.h"
#include "runtime/store/pins.h"

namespace lehr::cli {
namespace {

// "documents 3f2a9c41d0aa"
std::string text(const runtime::ArtifactStore& store, const std::string& digest) {
  return store.artifact(digest).type + " " + digest.substr(0, 12);
}

void pin(const Options& options, const std::string& name, const std::string& reason) {
  const auto store = open_store(options);
  const std::string digest = artifact_named(store, options, name).digest;
  runtime::pin(store, digest, reason);
  std::size_t artifacts = 0;
  std::uint64_t bytes = 0;
  for (const auto& kept : runtime::Lineage(store.results()).above({digest}).digests)
    if (std::filesystem::exists(store.artifact_path(kept))) {
      ++artifacts;
      bytes += store.artifact(kept).bytes();
    }
  std::cout << "pinned " << text(store, digest) << "; gc keeps it";
  if (artifacts > 1)
    std::cout << " and what it was made from: " << artifacts << " artifacts, "
              << runtime::bytes_text(bytes);
  std::cout << "\n";
}

void unpin(const Options& options, const std::string& name) {
  const auto store = open_store(options);
  const std::string digest = artifact_named(store, options, name).digest;
  if (!runtime::unpin(store, digest))
    throw CommandError(kUsage, text(store, digest) + " is not pinned; `lehr store ls` shows pins");
  std::cout << "unpinned " << text(store, digest) << "\n";
}

}  // namespace

void add_store_pins(Command store, Options& options) {
  auto name = std::make_shared<std::string>(), reason = std::make_shared<std::string>();
  Command pin_command = store.add(
      "pin", "Let gc keep an artifact, the results that made it and all they were made from");
  pin_command.option("NAME", *name, kArtifactHelp).required();
  pin_command.option("--reason", *reason, "Why, for whoever reads `lehr store ls`")
      .type_name("TEXT");
  add_artifact_options(pin_command, options);
  pin_command.footer(example("lehr store pin dpo.model --reason 'shipped in May'"));
  pin_command.run([&options, name, reason] { pin(options, *name, *reason); });

  Command unpin_command = store.add("unpin", "Take a pin back");
  unpin_command.option("NAME", *name, kArtifactHelp).required();
  add_artifact_options(unpin_command, options);
  unpin_command.footer(example("lehr store unpin 3f2a9c41"));
  unpin_command.run([&options, name] { unpin(options, *name); });
}

}  // namespace lehr::cli
