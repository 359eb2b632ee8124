// What a stage made, found by its key: results/<key>.json. Holds the outputs by port, the named
// numbers, and every part that went into the key, so that `explain` can say what changed.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/store/artifact.h"
#include "runtime/store/named_results.h"

namespace lehr::runtime {

// The canonical list a key is the hash of: (name, value), in the planner's order.
using KeyParts = std::vector<std::pair<std::string, std::string>>;
using KeyPartViews = std::vector<std::pair<std::string_view, std::string_view>>;
// SHA-256 (hex) over the list; unambiguous, whatever the strings hold.
std::string hashed_key(const KeyPartViews& parts);
std::string stage_key(const KeyParts& parts);

struct StageOutput {
  std::string digest;
  std::string type;
  Facets facets;
};

struct StageResult {
  std::string key;
  std::string stage;                           // "tokenizer.train"
  std::map<std::string, StageOutput> outputs;  // by port
  NamedResults results;
  KeyParts key_parts;
  // Lineage; not part of the key.
  std::string run, stage_id;
  std::map<std::string, std::string> inputs_from;  // "in.documents[0]" -> the stage that made it
  std::int64_t unix_time = 0;
  double seconds = 0;  // of work; of attempts that were stopped, up to the checkpoint gone on from
  // Someone said that the code of this key gives what an earlier one gave (`lehr store adopt`): key
  // of the result whose outputs these are, and when it was said. Empty: the stage made them.
  std::string adopted_from;
  std::int64_t adopted_time = 0;

  nlohmann::ordered_json to_json() const;
  // Of what to_json() gives, as text. Throws StoreError.
  static StageResult parse(std::string_view json);
};

}  // namespace lehr::runtime
