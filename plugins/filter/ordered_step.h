// Steps whose verdict depends on the documents before, so that the stage, which knows them by name,
// decides them in order: hash() prepares a block on any thread, decide() is called for one block
// after the other, settle() again on any thread. What decide() has seen is part of the durable
// state.
#pragma once

#include <lehr/plugin.h>

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace lehr::plugins::filter {

class DocumentBlock;

class OrderedStep {
 public:
  virtual ~OrderedStep() = default;
  virtual void hash(DocumentBlock& block) const = 0;
  // added: gets the bytes of what was seen for the first time.
  virtual void decide(DocumentBlock& block, std::string& added) = 0;
  virtual void settle(DocumentBlock& block) const = 0;
  // Takes in what earlier calls of decide() added.
  virtual void remember(std::string_view added) = 0;
};

// name: "filter.exact_dedup".
bool decides_in_order(std::string_view name);
// step: an entry {"name", "with"} of the stage's list. Null if it is no such step. folder: for
// scratch files.
std::unique_ptr<OrderedStep> make_ordered_step(const Value& step,
                                               const std::filesystem::path& folder);

// What their entries in a list of steps have in common: a description, and no verdict of their own.
class DecidedInOrder : public DocumentStep {
 public:
  explicit DecidedInOrder(const char* name) : name_(name) {}
  void process(Document&) override {
    throw Error(std::string(name_) +
                " depends on the order of documents; only the stage 'filter' can run it");
  }

 private:
  const char* name_;
};

}  // namespace lehr::plugins::filter
