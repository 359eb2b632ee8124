// lehr-host: the process a plugin runs in. Loads plugins so that `lehr` itself never does; links
// nothing heavy, a plugin brings its own libraries.
//
//   lehr-host --stamp FILE.so      write the plugin's description into the file
//   lehr-host --describe FILE.so   print it
#include <lehr/abi.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <string_view>

#include "plugin_library.h"
#include "runtime/plugin/plugin_file.h"

namespace {

constexpr std::string_view kUsage =
    "lehr-host: the process in which Lehr runs a plugin; normally started by lehr\n"
    "  lehr-host --stamp FILE.so      write the plugin's description into the file\n"
    "  lehr-host --describe FILE.so   print the plugin's description (JSON)\n";

// Before any plugin, and with it OpenMP, is loaded: threads that wait must not spin.
void quiet_threads() {
  ::setenv("OMP_WAIT_POLICY", "PASSIVE", 0);
  ::setenv("GOMP_SPINCOUNT", "0", 0);
}

// Enough of a host for a plugin to describe itself: no context exists yet, so no service is ever
// called.
const lehr_host* bare_host() {
  static lehr_host host{};
  host.size = sizeof host;
  host.abi = LEHR_ABI_VERSION;
  return &host;
}

}  // namespace

int main(int argc, char** argv) try {
  const std::string_view mode = argc > 1 ? argv[1] : "";
  if (argc != 3) {
    std::fwrite(kUsage.data(), 1, kUsage.size(), stderr);
    return 2;
  }
  quiet_threads();
  if (mode == "--stamp") {
    lehr::runtime::stamp_plugin_file(argv[2],
                                     lehr::host::PluginLibrary(argv[2], bare_host()).description());
    return 0;
  }
  if (mode == "--describe") {
    const lehr::host::PluginLibrary plugin(argv[2], bare_host());
    std::printf("%.*s\n", static_cast<int>(plugin.description().size()),
                plugin.description().data());
    return 0;
  }
  std::fwrite(kUsage.data(), 1, kUsage.size(), stderr);
  return 2;
} catch (const std::exception& e) {
  std::fprintf(stderr, "lehr-host: error: %s\n", e.what());
  return 4;
}
