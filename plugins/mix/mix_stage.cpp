#include "mix_stage.h"

#include <lehr/mistakes.h>

#include <algorithm>
#include <set>

namespace lehr::plugins::mix {

void MixStage::describe(Description& d) {
  const bool tokens = type_ == "tokens";
  d.determinism(Determinism::exact).uses_seed();
  d.list_of("sources", sources_, [&](auto& inner, SourceOptions& source) {
     inner.text("from", source.from)
         .required()
         .names_each_of(type_)
         .help("the stage that made it, as in 'in'");
     inner.real("weight", source.weight)
         .at_least(0)
         .help("share of the mix, relative to the other weights; none given: all there is");
     inner.real("max_epochs", source.max_epochs)
         .at_least(0)
         .help("how often its documents may go in; 2.5: all twice, half of them once more");
     if (tokens)
       inner.count("max_tokens", source.most).at_least(0).help("at most this much of it");
     else
       inner.bytes("max_bytes", source.most).at_least(0).help("at most this much text of it");
   }).help("what each input contributes; not given: everything, once");
  if (tokens)
    d.count("total", total_)
        .at_least(1)
        .help("tokens of the mix; not given: as many as the shares and caps allow");
  else
    d.bytes("total", total_)
        .at_least(1)
        .help("text of the mix; not given: as much as the shares and caps allow");
  d.boolean("shuffle", shuffle_)
      .help("in random order; false: the sources interleaved evenly, each in its own order");
  d.count("shards", shards_).range(1, 100000).help("training files to write, about equally large");
  d.bytes("memory", memory_)
      .at_least(1 << 20)
      .no_effect()
      .help("about what the shuffle holds before it goes to disk");
  d.bytes("commit_every", commit_every_)
      .at_least(1)
      .no_effect()
      .help("data between two durable states; a killed stage repeats at most this much");
}

void MixStage::check() {
  std::set<std::string> names;
  bool some = sources_.empty();  // may go in
  Mistakes mistakes;
  for (std::size_t i = 0; i < sources_.size(); ++i) {
    const SourceOptions& source = sources_[i];
    const std::string path = "sources[" + std::to_string(i) + "]";
    if (!names.insert(source.from).second)
      mistakes.add(path + ".from: '" + source.from + "' is named twice");
    if (source.weight.has_value() != sources_[0].weight.has_value())
      mistakes.add(path + ": '" + source.from + "' has " + (source.weight ? "a" : "no") +
                   " weight, unlike '" + sources_[0].from +
                   "'. Give every source a weight, or none");
    some = some || source.weight.value_or(1) > 0;
  }
  if (!some) mistakes.add("sources: every weight is 0, so the mix is empty");
  mistakes.report();
}

std::vector<Source> MixStage::sources(const Context& context) const {
  std::vector<Source> out;
  std::vector<SourceOptions> unused = sources_;
  for (Input& input : context.inputs(type_)) {
    const auto named = [&](const SourceOptions& s) { return s.from == input.label; };
    auto found = std::find_if(unused.begin(), unused.end(), named);
    SourceOptions options;
    options.from = input.label;
    if (found != unused.end()) {
      options = *found;
      unused.erase(found);
    } else if (!sources_.empty()) {
      throw Error("input '" + input.label + "' is connected but not named in 'sources'");
    }
    const Placing placing(context.seed(), input.label, shuffle_);
    out.push_back({std::move(input), options, placing});
  }
  if (!unused.empty())
    throw Error("sources: '" + unused.front().from +
                "' is no input; connected are the stages in '" + type_ + "'");
  return out;
}

std::uint64_t MixStage::decide(const Context& context, std::vector<Source>& sources) const {
  std::vector<BlendSource> wanted;
  for (const Source& source : sources) {
    BlendSource& out = wanted.emplace_back();
    out.name = source.options.from;
    out.size = source.placing.size();
    out.weight = source.options.weight;
    out.max_epochs = source.options.max_epochs;
    if (source.options.most) out.max_amount = static_cast<std::uint64_t>(*source.options.most);
  }
  std::optional<std::uint64_t> total;
  if (total_) total = static_cast<std::uint64_t>(*total_);
  const Blend blended = blend(wanted, total);
  for (const std::string& note : blended.notes) context.warning(note);
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    sources[i].placing.take(blended.amounts[i]);
    sum += blended.amounts[i];
  }
  return sum;
}

void MixStage::report(const Context& context, const std::vector<Source>& sources,
                      const std::vector<std::uint64_t>& documents,
                      const std::vector<std::uint64_t>& amounts) const {
  double all_documents = 0, all = 0;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    all_documents += static_cast<double>(documents[i]);
    all += static_cast<double>(amounts[i]);
  }
  context.result("documents", all_documents);
  context.result(unit_, all);
  for (std::size_t i = 0; i < sources.size(); ++i) {
    const std::string& name = sources[i].options.from;
    const auto amount = static_cast<double>(amounts[i]);
    const auto size = static_cast<double>(sources[i].placing.size());
    context.result("documents/" + name, static_cast<double>(documents[i]));
    context.result(unit_ + "/" + name, amount);
    context.result("share/" + name, all > 0 ? amount / all : 0);
    context.result("epochs/" + name, size > 0 ? amount / size : 0);
  }
}

}  // namespace lehr::plugins::mix
