#include "text/strict_json.h"

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace lehr::text {
namespace {

// Makes the value while nlohmann's parser reads; its own builder with a callback takes twice as
// long. Json: nlohmann::json or ordered_json.
template <class Json>
class StrictJsonBuilder {
 public:
  explicit StrictJsonBuilder(const JsonLimits& limits) : limits_(limits) {}
  Json take() { return std::move(root_); }

  bool null() { return add(nullptr); }
  bool boolean(bool value) { return add(value); }
  bool number_integer(std::int64_t value) { return add(value); }
  bool number_unsigned(std::uint64_t value) { return add(value); }
  bool number_float(double value, const std::string&) { return add(value); }
  bool string(const std::string& text) { return add(text); }
  bool binary(const typename Json::binary_t&) { return false; }  // of other formats
  bool start_object(std::size_t) { return open(Json::object()); }
  bool start_array(std::size_t) { return open(Json::array()); }
  bool end_object() { return close(); }
  bool end_array() { return close(); }
  bool key(const std::string& name) {
    count();
    // ordered_json looks through all members before it adds one.
    constexpr bool kOrdered = std::is_same_v<Json, nlohmann::ordered_json>;
    constexpr std::size_t kMostSearched = std::size_t{1} << 28;
    auto& members = open_.back()->template get_ref<typename Json::object_t&>();
    if (kOrdered && (searched_ += members.size()) > kMostSearched)
      throw JsonError("an object has too many members");
    const auto [member, fresh] = members.emplace(name, nullptr);
    if (!fresh) throw JsonError("'" + name + "' is given twice");
    member_ = &member->second;
    return true;
  }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception& error) {
    const std::string_view what = error.what();  // "[json.exception...] parse error at line 1, ..."
    const std::size_t end = what.find("] ");
    std::string message(end == std::string_view::npos ? what : what.substr(end + 2));
    for (char& c : message)  // it quotes what it has read, which may be no text
      if (static_cast<unsigned char>(c) >= 0x80) c = '?';
    throw JsonError("it is not JSON: " + message);
  }

 private:
  void count() {
    if (++counted_ > 3 * limits_.values)  // a member is a key and a value, a list its two ends
      throw JsonError("it holds more than " + std::to_string(limits_.values) + " values");
  }
  // Where it belongs: a value moves only while nothing inside it is open.
  Json& place(Json value) {
    count();
    if (open_.empty()) return root_ = std::move(value);
    if (auto* items = open_.back()->template get_ptr<typename Json::array_t*>())
      return items->emplace_back(std::move(value));
    return *member_ = std::move(value);
  }
  bool add(Json value) { return place(std::move(value)), true; }
  bool open(Json value) {
    if (open_.size() == limits_.depth)
      throw JsonError("it is nested deeper than " + std::to_string(limits_.depth) + " levels");
    open_.push_back(&place(std::move(value)));
    return true;
  }
  bool close() {
    count();
    open_.pop_back();
    return true;
  }

  const JsonLimits& limits_;
  Json root_;
  std::vector<Json*> open_;  // objects and lists, the innermost last
  Json* member_ = nullptr;   // of the innermost object: its key was read, its value is next
  std::size_t counted_ = 0, searched_ = 0;
};

}  // namespace

template <class Json>
Json parse_json(std::string_view text, const JsonLimits& limits) {
  // nlohmann takes a NUL byte for the end, whatever stands behind it.
  if (text.find('\0') != std::string_view::npos) throw JsonError("it is not JSON: a NUL byte");
  StrictJsonBuilder<Json> builder(limits);
  Json::sax_parse(text.begin(), text.end(), &builder);
  return builder.take();
}
template nlohmann::json parse_json(std::string_view, const JsonLimits&);
template nlohmann::ordered_json parse_json(std::string_view, const JsonLimits&);

}  // namespace lehr::text
