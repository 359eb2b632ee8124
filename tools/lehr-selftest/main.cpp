// lehr-selftest: whether the mathematics is right on this machine, for `lehr selftest`. A program
// of its own because it links LibTorch. Exit code 1: a check failed.
//
//   lehr-selftest '{"only": [...], "device": ...}'     see Request in checks.h
#include <signal.h>

#include <atomic>
#include <chrono>
#include <exception>
#include <iostream>

#include "lm/device.h"
#include "report.h"
#include "text/standard_output.h"

namespace lehr::selftest {
namespace {

std::atomic<int> stopped_by = 0;  // the signal

int run(const nlohmann::json& json) {
  const Request request = {json.at("only"), json.at("device"), json.at("plugin_paths")};
  const bool as_json = json.at("json"), color = json.at("color");
  const bool live = json.at("live");  // a terminal
  lm::choose_device(request.device);
  lm::start_runtime();
  const std::string machine = lm::numerics_fingerprint();
  const bool bf16 = lm::default_precision() == lm::Precision::kBf16;
  if (!as_json)
    std::cout << machine << (bf16 ? ", fp32 and bf16\n\n" : ", fp32; it has no fast bf16\n\n")
              << heading() << std::flush;

  nlohmann::ordered_json out = {{"machine", machine}, {"device", request.device}};
  std::size_t checked = 0, failed = 0;
  const auto begin = std::chrono::steady_clock::now();
  const auto tell_next = [&](const CheckName& next) {
    if (stopped_by != 0 || !std::cout) return false;  // nobody reads
    if (live) std::cout << "        " << next.name << std::flush;
    return true;
  };
  run_checks(request, tell_next, [&](const Finding& finding) {
    if (live) std::cout << "\r";
    if (stopped_by != 0) return;
    ++checked;
    failed += !finding.good();
    out["checks"].push_back(json_of(finding));
    if (!as_json) std::cout << line(finding, color) << std::flush;
  });
  if (stopped_by != 0) return 128 + stopped_by;
  const std::chrono::duration<double> time = std::chrono::steady_clock::now() - begin;
  if (as_json)
    std::cout << out.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << "\n";
  else
    std::cout << "\n" << summary(checked, failed, time.count());
  text::flush_output();
  return failed == 0 ? 0 : 1;
}

}  // namespace
}  // namespace lehr::selftest

int main(int argc, char** argv) {
  if (argc != 2 || argv[1][0] != '{')
    return std::cerr << "lehr-selftest is run by `lehr selftest`\n", 2;
  // The folder of the checks is removed also where they are stopped.
  for (const int signal : {SIGINT, SIGTERM, SIGHUP})
    ::signal(signal, [](int number) { lehr::selftest::stopped_by = number; });
  ::signal(SIGPIPE, SIG_IGN);
  try {
    return lehr::selftest::run(nlohmann::json::parse(argv[1]));
  } catch (const std::exception& e) {
    std::cerr << "lehr: " << e.what() << "\n";
    return 2;
  }
}
