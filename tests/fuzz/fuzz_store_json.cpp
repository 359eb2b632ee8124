// The store's JSON files: what they hold (as if the checksum fitted), and reading them as files.
#include "input_file.h"
#include "runtime/run/stage_spec.h"
#include "runtime/store/artifact.h"
#include "runtime/store/checked_json.h"
#include "runtime/store/stage_result.h"
#include "text/strict_json.h"

using namespace lehr;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using Json = nlohmann::ordered_json;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  try {
    const auto artifact = runtime::Artifact::parse(bytes);
    if (runtime::Artifact::parse(artifact.to_json().dump()).digest() != artifact.digest())
      std::abort();
  } catch (const runtime::StoreError&) {
  }
  try {
    runtime::StageResult::parse(bytes).to_json().dump(-1, ' ', false,
                                                      Json::error_handler_t::replace);
  } catch (const runtime::StoreError&) {
  }
  Json json;
  try {
    json = text::parse_json<Json>(bytes);
  } catch (const text::JsonError&) {
    return 0;
  }
  try {
    runtime::StageSpec::from_json(json);
  } catch (const runtime::StoreError&) {
  }
  if (json.is_object() && !json.empty()) {  // what is written is what is read
    const std::string text = runtime::checked_json(json);
    const fuzz::InputFile file(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
    runtime::read_checked_json(file.path());
  }
  try {
    runtime::read_checked_json(fuzz::InputFile(data, size).path());
  } catch (const runtime::StoreError&) {
  }
  return 0;
}
