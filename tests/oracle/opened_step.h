// A document step of a plugin's file, opened as the host would open it.
#pragma once

#include <dlfcn.h>
#include <lehr/abi.h>
#include <lehr/value.h>

#include <nlohmann/json.hpp>
#include <string>

#include "text/fake_host.h"

namespace lehr::oracle {

using nlohmann::json;

class OpenedStep {
 public:
  // parameters: the others have their defaults.
  OpenedStep(const char* plugin, const std::string& name, json parameters) {
    void* library = ::dlopen(plugin, RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) throw lehr::Error(::dlerror());
    const auto entry = reinterpret_cast<lehr_plugin_entry_fn>(::dlsym(library, LEHR_PLUGIN_ENTRY));
    host_.size = sizeof host_;
    host_.abi = LEHR_ABI_VERSION;
    const lehr_plugin& table = *entry(&host_);
    const json description = json::parse(lehr::view(table.description));
    for (std::size_t i = 0; i < table.step_count; ++i) {
      if (lehr::view(table.steps[i].name) != name) continue;
      step_ = &table.steps[i];
      for (const json& p : description.at("steps").at(i).at("parameters"))
        if (!parameters.contains(p.at("name")) && p.contains("default"))
          parameters[p.at("name").get<std::string>()] = p.at("default");
    }
    if (step_ == nullptr) throw lehr::Error("there is no step '" + name + "'");
    values_.emplace_back(parameters);
    if (step_->create(values_.back().root(), &sink_, &instance_) != LEHR_OK)
      throw lehr::Error(message_);
  }
  OpenedStep(const OpenedStep&) = delete;
  ~OpenedStep() { step_->destroy(instance_); }

  void process(lehr_document* documents, std::size_t count) {
    if (step_->process(instance_, documents, count, sizeof *documents, &sink_) != LEHR_OK)
      throw lehr::Error(message_);
  }
  json judge(const std::string& text, const std::string& fields) {
    lehr_document document{};
    document.text = lehr::borrow(text);
    document.fields = lehr::borrow(fields);
    process(&document, 1);
    if (document.verdict == LEHR_DROP) return {{"reason", lehr::view(document.reason)}};
    if (document.verdict == LEHR_REWRITE) return {{"text", lehr::view(document.rewritten)}};
    return nullptr;
  }

 private:
  std::string message_;
  lehr_host host_{};
  const lehr_step* step_ = nullptr;
  void* instance_ = nullptr;
  std::deque<lehr::text::ValueTree> values_;
  lehr_sink sink_{sizeof sink_, &message_, [](void* self, lehr_str s) {
                    static_cast<std::string*>(self)->assign(lehr::view(s));
                  }};
};

}  // namespace lehr::oracle
