#include "starter.h"

namespace lehr::cli {
namespace {

constexpr const char* kPipeline =
    R"yaml(# Your own text -> clean documents -> a tokenizer -> tokens to train on. Takes about a second.
#
#   lehr graph pipeline.yaml      the picture
#   lehr plan pipeline.yaml       what will run, and why
#   lehr run pipeline.yaml        runs it; run it again, and nothing is computed twice
#   lehr plugins list             what else there is; lehr plugins show filter
#
# The first line of this file gives your editor completion and help. After installing a plugin:
#   lehr schema -o pipeline.schema.json
lehr: 1                              # format of the file
name: starter
seed: 7                              # of everything that uses chance
resources: {threads: 2}
vars: {vocab: 320}                   # used below as ${vars.vocab}; lehr run pipeline.yaml --set vars.vocab=400

stages:
  source:
    uses: files.documents            # PLUGIN.STAGE
    with:
      train: ["texts/*.txt"]         # also .jsonl; plain, .gz or .zst
      text_unit: paragraph           # a document for each paragraph
      eval_fraction: 0.1             # held out for evaluation

  clean:
    uses: filter
    in: {documents: source}          # what it takes: the only output of `source`
    with:
      steps:                         # in this order, in one pass
        - normalize: {form: NFC}
        - length: {min_words: 5}
        - exact_dedup

  tokenizer:
    uses: tokenizer.train
    in: {documents: clean}
    with: {vocab_size: "${vars.vocab}"}

  tokens:
    uses: tokenizer.encode
    in: {documents: clean, tokenizer: tokenizer}

# What comes next: a model trained on the tokens.
#
#  base:
#    uses: pretrain
#    in: {tokens: tokens}
#    with:
#      model: {width: 64, layers: 2, heads: 4, context: 128}
#      budget: {steps: 50}
)yaml";

constexpr const char* kText =
    R"text(Glass leaves the furnace at more than a thousand degrees. If it stood in the open it would
cool too fast at its surface and too slowly within, and the strain between the two would
break it, at once or years later.

So the finished piece is put on a belt that carries it through a long kiln. The first zone is
almost as hot as the glass itself, the next a little cooler, and so on, until at the far end
it can be taken up by hand. Such a kiln is called a lehr.

How long the way must be depends on the thickness of the glass. A window pane passes in
half an hour, a thick lens for a telescope may need months, and nobody can see from outside
whether it was given enough time.

The temperature of each zone is written on a card that hangs beside the belt. When a piece
comes out with strain in it, the card is the first thing the master looks at, and the second
is the clock.

A good lehr is dull to watch. The belt moves so slowly that a visitor thinks it stands still,
and the men who tend it speak of the weather. What would be exciting is a belt that stops.

Glass that has been through the kiln properly can be cut, drilled and ground. Glass that has
not will shatter under the first touch of the wheel, and the whole way was for nothing.

In the evening the first pieces of the morning reach the end. They are held against a lamp
between two filters, and where strain is left the light shows bands of colour. A piece
without colours is put into straw and sent away.
)text";

}  // namespace

std::vector<NewFile> starter_files() {
  return {{"pipeline.yaml", kPipeline}, {"texts/glass.txt", kText}};
}

const std::vector<std::pair<std::string, std::string>>& recipes() {
  static const std::vector<std::pair<std::string, std::string>> all = {
#include "recipes.inc"
  };
  return all;
}

}  // namespace lehr::cli
