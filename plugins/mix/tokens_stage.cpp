#include "tokens_stage.h"

#include <algorithm>
#include <numeric>
#include <span>

#include "mix_state.h"
#include "text/document_summary.h"
#include "text/document_weights.h"
#include "text/token_shards.h"
#include "text/tokenizer.h"

namespace lehr::plugins::mix {
namespace {

constexpr std::uint64_t kPause = 4096;  // documents between two looks around

// A document in the sorted records: the number of its source and its weight, then its tokens.
struct Head {
  std::uint32_t source;
  float weight;
};

// Of one split of a source: its documents, and what each of them counts.
struct SourceShards {
  SourceShards(const std::filesystem::path& folder, const char* split)
      : shards(folder, split),
        weights(text::read_document_weights(folder, split, shards.documents())) {}
  float weight(std::uint64_t document) const { return weights.empty() ? 1 : weights[document]; }

  const text::TokenShards shards;
  const std::vector<float> weights;
};

// The shards that are written, and the weights beside them if a source has some.
struct Output {
  void add(const std::vector<text::TokenId>& ids, std::uint64_t text_bytes, float weight) {
    shards.add(ids, text_bytes);
    if (weighted) weights.add(std::span(&weight, 1));
  }
  const text::SplitPosition& position() {
    weights.flush();
    return shards.position();
  }

  text::TokenShardWriter shards;
  text::DocumentWeightWriter weights;
  bool weighted;
};

class Mixing {
 public:
  Mixing(Context& context, std::vector<Source>& sources, const text::Tokenizer& tokenizer)
      : context_(context), sources_(sources), tokenizer_(tokenizer) {
    for (const Source& source : sources)
      for (const char* split : {"train", "eval"})
        weighted_ = weighted_ || text::has_document_weights(source.input.path, split);
  }

  Output output(const char* split, std::uint64_t shard_tokens, const text::SplitPosition& from) {
    const auto folder = context_.output("tokens");
    return {text::TokenShardWriter(folder, split, tokenizer_.vocab_size(), shard_tokens, from),
            text::DocumentWeightWriter(folder, split, weighted_ ? from.totals.documents : 0),
            weighted_};
  }

  void count(MixState& state) {
    for (; state.source < sources_.size(); state.next_source()) {
      const text::TokenShards shards(sources_[state.source].input.path, "train");
      std::uint64_t& next = state.position.end_offset;
      std::uint64_t begin = end_of(shards, next);
      while (next < shards.documents()) {
        const std::uint64_t end = shards.document_end(next++);
        sources_[state.source].placing.count(end - begin);
        state.advance(sizeof end);
        begin = end;
        if (next % (kPause * 256) == 0) pause(state, 0, 0);
      }
    }
  }

  void sort(MixState& state, std::uint64_t total) {
    std::uint64_t done = 0;
    std::vector<text::TokenId> ids;
    std::string record;
    for (; state.source < sources_.size(); state.next_source()) {
      const auto number = static_cast<std::uint32_t>(state.source);
      const SourceShards source(sources_[number].input.path, "train");
      const text::TokenShards& shards = source.shards;
      std::uint64_t& next = state.position.end_offset;
      std::uint64_t begin = end_of(shards, next);
      while (next < shards.documents()) {
        const std::uint64_t end = shards.document_end(next);
        const std::uint64_t bytes = (end - begin) * sizeof ids[0];
        const auto& places = sources_[number].placing.places(end - begin);
        if (!places.empty()) {
          ids.resize(end - begin);
          shards.read(begin, std::span(ids));
          const Head head{number, source.weight(next)};
          record.assign(reinterpret_cast<const char*>(&head), sizeof head);
          record.append(reinterpret_cast<const char*>(ids.data()), bytes);
          for (const std::uint64_t place : places) state.add(place, record);
          done += places.size() * (end - begin);
        }
        begin = end;
        ++next;
        state.advance(bytes);
        if (next % kPause == 0) pause(state, done, 2 * total);
      }
    }
  }

  void write_train(MixState& state, Output& writer, std::uint64_t total) {
    std::vector<text::TokenId> ids;
    MixState::Written now = state.written;
    RunMerge records(state.runs(), now.offsets);
    const auto all_is_written = [&] {
      now.offsets = records.offsets();
      now.train = writer.position();
      state.write(now);
    };
    std::uint64_t count = 0;
    for (std::string_view record; records.next(record);) {
      Head head;
      std::memcpy(&head, record.data(), sizeof head);
      record.remove_prefix(sizeof head);
      ids.resize(record.size() / sizeof ids[0]);
      std::memcpy(ids.data(), record.data(), record.size());
      const std::uint64_t size = text_bytes(ids);
      writer.add(ids, size, head.weight);
      ++now.documents[head.source];
      now.tokens[head.source] += ids.size();
      now.bytes[head.source] += size;
      now.done += ids.size() * sizeof ids[0];
      if (++count % kPause != 0) continue;
      all_is_written();
      pause(state, total + now.done / sizeof ids[0], 2 * total);
    }
    all_is_written();
  }

  // All of the sources' held-out documents, once, in their order.
  void write_eval(MixState& state, Output& writer) {
    std::vector<text::TokenId> ids;
    MixState::Written now = state.written;
    std::uint64_t there = now.eval.totals.documents;
    for (const Source& from : sources_) {
      const SourceShards source(from.input.path, "eval");
      const text::TokenShards& shards = source.shards;
      std::uint64_t next = std::min(there, shards.documents()), begin = end_of(shards, next);
      there -= next;
      while (next < shards.documents()) {
        ids.resize(shards.document_end(next) - begin);
        shards.read(begin, std::span(ids));
        writer.add(ids, text_bytes(ids), source.weight(next));
        begin += ids.size();
        now.done += ids.size() * sizeof ids[0];
        if (++next % kPause != 0) continue;
        now.eval = writer.position();
        state.write(now);
        if (!context_.cancelled()) continue;
        state.commit();
        throw Cancelled();
      }
    }
  }

 private:
  std::uint64_t text_bytes(const std::vector<text::TokenId>& ids) const {
    const auto& lengths = tokenizer_.byte_lengths();
    std::uint64_t sum = 0;
    for (const text::TokenId id : ids) sum += id < lengths.size() ? lengths[id] : 0;
    return sum;
  }
  static std::uint64_t end_of(const text::TokenShards& shards, std::uint64_t documents) {
    return documents == 0 ? 0 : shards.document_end(documents - 1);
  }
  void pause(MixState& state, std::uint64_t done, std::uint64_t total) {
    context_.progress(done, total, "tokens");
    if (!context_.cancelled()) return;
    state.commit();
    throw Cancelled();
  }

  Context& context_;
  std::vector<Source>& sources_;
  const text::Tokenizer& tokenizer_;
  bool weighted_ = false;
};

}  // namespace

void Tokens::describe(Description& d) {
  d.summary("mixes encoded corpora by weight, with epochs and caps, shuffled and cut into shards");
  d.input("tokens", "tokens").list().facet("tokenizer", "T").help("the sources, any number");
  d.output("tokens", "tokens").facet("tokenizer", "T");
  MixStage::describe(d);
}

// One tokenizer's all: what is known of one source's vocabulary holds for the mix.
void Tokens::estimate(const std::vector<Input>& inputs, Estimate& out) {
  for (const Input& in : inputs) {
    if (!in.path.empty())
      out.outputs["tokens"] =
          "{\"vocab_size\":" + std::to_string(text::read_tokens_json(in.path).vocab_size) + "}";
    else if (!in.facts.empty())
      out.outputs["tokens"] = in.facts;
  }
}

void Tokens::run(Context& context) {
  std::vector<Source> sources = MixStage::sources(context);
  if (sources.empty()) throw Error("no tokens are connected");
  const auto tokenizer = text::Tokenizer::load(sources[0].input.path);
  Mixing mixing(context, sources, tokenizer);
  MixState state(context, sources, limits());
  state.resume();
  if (state.pass == MixState::Pass::counting) {
    mixing.count(state);
    state.next_pass();
  }
  const std::uint64_t total = decide(context, sources);
  if (state.pass == MixState::Pass::sorting) {
    mixing.sort(state, total);
    state.next_pass();
  }

  const auto folder = context.output("tokens");
  const std::uint64_t shard_tokens = shards_ ? (total + static_cast<std::uint64_t>(*shards_) - 1) /
                                                   static_cast<std::uint64_t>(*shards_)
                                             : text::TokenShardWriter::kShardTokens;
  Output train = mixing.output("train", shard_tokens, state.written.train);
  mixing.write_train(state, train, total);
  Output eval = mixing.output("eval", text::TokenShardWriter::kShardTokens, state.written.eval);
  mixing.write_eval(state, eval);
  for (Output* output : {&train, &eval}) output->weights.flush();
  const auto train_totals = train.shards.finish();
  if (train_totals.documents == 0)
    throw Error("the mix is empty: total is too small for a document");
  text::write_tokens_json(folder, tokenizer.vocab_size(), train_totals, eval.shards.finish());
  tokenizer.save(folder);
  const MixState::Written& written = state.written;
  text::DocumentSummary summary;
  for (std::size_t i = 0; i < sources.size(); ++i)
    summary.add_source(
        sources[i].options.from,
        {written.documents[i], written.bytes[i], written.tokens[i],
         static_cast<double>(written.tokens[i]) /
             static_cast<double>(std::max<std::uint64_t>(sources[i].placing.size(), 1))});
  summary.write(folder);
  report(context, sources, written.documents, written.tokens);
}

}  // namespace lehr::plugins::mix
