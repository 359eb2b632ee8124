#include "sample.h"

#include "chance.h"

namespace lehr::plugins::filter {

void Sample::describe(Description& d) {
  d.summary("keeps a share of the documents, chosen by their text");
  d.real("rate", rate_).range(0, 1).help("share that stays; the others: not_sampled");
  d.integer("seed", seed_).help("another one chooses others");
}

void Sample::process(Document& document) {
  if (chance(document.text(), seed_) >= rate_) document.drop("not_sampled");
}

}  // namespace lehr::plugins::filter
