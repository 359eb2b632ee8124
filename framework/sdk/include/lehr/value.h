// A read-only view of a parameter value that the host owns, and the two exceptions a plugin may
// throw.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

#include "lehr/abi.h"

namespace lehr {

// What happened, where, how to fix: one sentence or two, lower case, no trailing newline.
struct Error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Thrown by a stage that stops because Context::cancelled() said so, after it committed its durable
// state.
struct Cancelled : std::runtime_error {
  Cancelled() : std::runtime_error("cancelled") {}
};

inline std::string_view view(lehr_str s) { return {s.data ? s.data : "", s.size}; }
inline lehr_str borrow(std::string_view s) { return {s.data(), s.size()}; }

// View of a lehr_value; as cheap as a pointer, valid as long as the context or instance it came
// from.
class Value {
 public:
  explicit Value(const lehr_value* value) : value_(value) {}

  bool is_null() const { return value_ == nullptr || value_->kind == LEHR_NULL; }
  lehr_kind kind() const { return is_null() ? LEHR_NULL : static_cast<lehr_kind>(value_->kind); }
  bool boolean() const { return need(LEHR_BOOL, "bool")->boolean != 0; }
  std::int64_t integer() const { return need(LEHR_INT, "integer")->integer; }
  double real() const {
    return kind() == LEHR_INT ? static_cast<double>(value_->integer)
                              : need(LEHR_REAL, "number")->real;
  }
  std::string_view string() const { return view(need(LEHR_STRING, "string")->string); }

  // Elements of a list, or members of a map in declared order.
  std::size_t size() const { return is_null() ? 0 : value_->count; }
  Value at(std::size_t index) const {
    const auto* base = reinterpret_cast<const char*>(value_->items);
    return Value(reinterpret_cast<const lehr_value*>(base + index * value_->stride));
  }
  std::string_view key(std::size_t index) const { return view(value_->keys[index]); }
  // Member of a map; a null value if there is none.
  Value operator[](std::string_view name) const {
    if (kind() == LEHR_MAP)
      for (std::size_t i = 0; i < value_->count; ++i)
        if (key(i) == name) return at(i);
    return Value(nullptr);
  }

 private:
  const lehr_value* need(lehr_kind kind, const char* what) const {
    if (value_ == nullptr || value_->kind != static_cast<std::uint32_t>(kind))
      throw Error(std::string("parameter value is not a ") + what);
    return value_;
  }

  const lehr_value* value_;
};

}  // namespace lehr
