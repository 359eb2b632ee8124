#include "plugin_answers.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <deque>
#include <stdexcept>
#include <string>
#include <vector>

#include "error_sink.h"
#include "plugin_library.h"
#include "runtime/run/stage_spec.h"
#include "runtime/store/durable_file.h"
#include "stage_context.h"
#include "value_tree.h"

namespace lehr::host {
namespace {

using Json = nlohmann::ordered_json;

// The lines of a file, as they come.
class Lines {
 public:
  explicit Lines(int file) : file_(file) {}
  // False: there are no more.
  bool next(std::string& line) {
    char chunk[1 << 14];
    std::size_t end, searched = 0;
    while ((end = text_.find('\n', searched)) == std::string::npos) {
      searched = text_.size();
      const ssize_t n = ::read(file_, chunk, sizeof chunk);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) throw runtime::IoError("cannot read", "the questions", errno);
      if (n == 0) return false;
      text_.append(chunk, static_cast<std::size_t>(n));
    }
    line = text_.substr(0, end);
    text_.erase(0, end + 1);
    return true;
  }

 private:
  int file_;
  std::string text_;
};

// Facts about inputs as a plugin sees them; owns what they point to.
class InputFacts {
 public:
  explicit InputFacts(const Json& list) {
    for (const Json& in : list)
      inputs_.push_back({keep(in.at("port")), keep(in.at("label")), keep(in.at("type")),
                         keep(in.value("path", "")), keep(in.value("digest", "")),
                         keep(in.value("facets", Json::object()).dump()),
                         keep(in.contains("facts") ? in["facts"].dump() : "")});
  }
  const std::vector<lehr_input>& list() const { return inputs_; }

 private:
  lehr_str keep(std::string text) {
    const std::string& kept = texts_.emplace_back(std::move(text));
    return {kept.data(), kept.size()};
  }
  std::deque<std::string> texts_;
  std::vector<lehr_input> inputs_;
};

template <class Table>
lehr_status try_to_create(const Table* table, const lehr_value* values, const lehr_sink* sink) {
  void* instance = nullptr;
  const lehr_status status = table->create(values, sink, &instance);
  if (status == LEHR_OK) table->destroy(instance);
  return status;
}

lehr_status check(const PluginLibrary& plugin, const std::string& kind, const std::string& name,
                  const lehr_value* values, const lehr_sink* sink) {
  if (kind == "steps") return try_to_create(plugin.step(name), values, sink);
  if (kind == "rewards") return try_to_create(plugin.reward(name), values, sink);
  const lehr_stage* stage = plugin.stage(name);
  return stage->check != nullptr ? stage->check(values, sink) : LEHR_OK;
}

lehr_status check_inputs(const lehr_stage& stage, const lehr_value* values, const Json& inputs,
                         const lehr_sink* sink) {
  const auto function = PluginLibrary::check_inputs(stage);
  if (function == nullptr) return LEHR_OK;
  const InputFacts facts(inputs);
  return function(values, facts.list().data(), facts.list().size(), sizeof(lehr_input), sink);
}

// What a stage tells of its outputs, if it holds to the form.
Json output_facts(const std::string& text, const Json& described) {
  const Json out = text.empty() ? Json::object() : Json::parse(text, nullptr, false);
  if (!out.is_object())
    throw std::runtime_error("what it tells of its outputs is no JSON object: " + text);
  for (const auto& [port, facts] : out.items()) {
    const Json& ports = described.at("outputs");
    if (std::none_of(ports.begin(), ports.end(), [&port = port](const Json& declared) {
          return declared.at("name") == port || declared.at("name") == "*";
        }))
      throw std::runtime_error("it tells of an output '" + port + "', which it does not have");
    if (!facts.is_object())
      throw std::runtime_error("what it tells of its output '" + port +
                               "' is no JSON object: " + facts.dump());
  }
  return out;
}

Json estimate(const lehr_stage& stage, const Json& described, const lehr_value* values,
              const Json& inputs, ErrorSink& error) {
  const auto function = PluginLibrary::estimate(stage);
  Json out = Json::object();
  if (function == nullptr) return {{"estimate", out}};
  const InputFacts facts(inputs);
  ErrorSink outputs;
  lehr_estimate result{sizeof(lehr_estimate), -1, -1, -1, -1, -1, -1, -1, 0, outputs.sink()};
  if (function(values, facts.list().data(), facts.list().size(), sizeof(lehr_input), &result,
               error.sink()) != LEHR_OK)
    throw std::runtime_error(error.text());
  const struct {
    const char* name;
    double value;
    std::uint64_t at_most;
  } members[] = {{"steps", result.steps, LEHR_AT_MOST_STEPS},
                 {"tokens", result.tokens, LEHR_AT_MOST_TOKENS},
                 {"parameters", result.parameters, LEHR_AT_MOST_PARAMETERS},
                 {"flops", result.flops, LEHR_AT_MOST_FLOPS},
                 {"memory", result.memory_bytes, LEHR_AT_MOST_MEMORY},
                 {"disk", result.disk_bytes, LEHR_AT_MOST_DISK},
                 {"seconds", result.seconds, LEHR_AT_MOST_SECONDS}};
  Json at_most = Json::array();
  for (const auto& member : members) {
    if (!(member.value >= 0)) continue;
    out[member.name] = member.value;
    if (result.at_most & member.at_most) at_most.push_back(member.name);
  }
  if (!at_most.empty()) out["at_most"] = std::move(at_most);
  Json answer = {{"estimate", std::move(out)}};
  if (Json told = output_facts(outputs.said(), described); !told.empty())
    answer["outputs"] = std::move(told);
  return answer;
}

Json answer(const PluginLibrary& plugin, const Json& question) {
  if (question.at("ask") == "manifest") return Json::object();  // was checked when it was loaded
  const std::string kind = question.at("kind"), name = question.at("name");
  const Json described = plugin.item_description(kind, name);
  const ValueTree values(question.at("parameters"), described.at("parameters"));
  ErrorSink error;
  if (question.at("ask") == "estimate")
    return estimate(*plugin.stage(name), described, values.root(), question.at("inputs"), error);
  const lehr_status status =
      question.at("ask") == "check_inputs"
          ? check_inputs(*plugin.stage(name), values.root(), question.at("inputs"), error.sink())
          : check(plugin, kind, name, values.root(), error.sink());
  if (status != LEHR_OK) return {{"error", error.text()}};
  return Json::object();
}

}  // namespace

int answer_questions(int file, EventPipe& events) try {
  Lines lines(file);
  std::string line;
  if (!lines.next(line)) return runtime::kExitOk;  // it was not needed
  const Json request = Json::parse(line);
  const PluginLibrary plugin(request.at("plugin").get<std::string>(), bare_services(),
                             request.value("code", ""));
  plugin.check_manifest();
  events.send({{"event", "loaded"}});
  while (lines.next(line)) {
    Json reply = {{"event", "answer"}};
    try {
      reply.update(answer(plugin, Json::parse(line)));
    } catch (const std::exception& e) {
      reply["error"] = e.what();
    } catch (...) {
      reply["error"] = kCrossed;
    }
    events.send(reply);
  }
  return runtime::kExitOk;
} catch (const std::exception& e) {
  events.send({{"event", "failed"}, {"message", e.what()}});
  return runtime::kExitPlugin;
}

}  // namespace lehr::host
