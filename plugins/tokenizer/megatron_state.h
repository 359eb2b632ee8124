// What survives when the writing of Megatron's files is stopped: how far they are. They themselves
// are in the output, which the host cuts to what it was then.
#pragma once

#include <lehr/context.h>

#include "megatron_files.h"

namespace lehr::plugins::tokenizer {

struct MegatronState {
  bool train = false;   // the split that is written: first eval, then train
  MegatronPosition at;  // in its files

  // The last one that was committed, else the beginning. Throws Error if it is damaged.
  static MegatronState latest(const Context& context);
  void commit(const Context& context) const;
};

}  // namespace lehr::plugins::tokenizer
