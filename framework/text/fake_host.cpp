#include "text/fake_host.h"

#include <algorithm>
#include <fstream>
#include <iterator>

namespace lehr::text {

namespace fs = std::filesystem;

lehr_value ValueTree::build(const nlohmann::json& json) {
  lehr_value v{};
  if (json.is_boolean()) {
    v.kind = LEHR_BOOL;
    v.boolean = json.get<bool>();
  } else if (json.is_number_integer()) {
    v.kind = LEHR_INT;
    v.integer = json;
    v.real = json;
  } else if (json.is_number()) {
    v.kind = LEHR_REAL;
    v.real = json;
  } else if (json.is_string()) {
    v.kind = LEHR_STRING;
    v.string = borrow(texts_.emplace_back(json.get<std::string>()));
  } else if (json.is_structured()) {
    v.kind = json.is_array() ? LEHR_LIST : LEHR_MAP;
    auto& items = items_.emplace_back();
    auto& keys = keys_.emplace_back();
    for (const auto& [key, value] : json.items()) {
      items.push_back(build(value));
      keys.push_back(borrow(texts_.emplace_back(key)));
    }
    v.items = items.data();
    v.keys = keys.data();
    v.count = items.size();
    v.stride = sizeof(lehr_value);
  }
  return v;
}

FakeHost::FakeHost(fs::path folder, fs::path documents, const nlohmann::json& parameters,
                   int threads)
    : folder_(std::move(folder)), parameters_(parameters), threads_(threads) {
  add_input("documents", documents);
  fs::create_directories(folder_ / "out");
  fs::create_directories(folder_ / "state");
  if (parameters.contains("steps"))
    for (const auto& step : parameters.at("steps")) with_.emplace_back(step.at("with"));
  output_text_ = output().string();
}

lehr_status FakeHost::run(const lehr_stage& stage) {
  if (std::ifstream in(folder_ / "latest"); in) std::getline(in, latest_);
  truncate_outputs();
  const lehr_host host = table();
  return stage.run(reinterpret_cast<lehr_context*>(this), &host);
}

std::map<std::string, std::string> FakeHost::contents() const {
  std::map<std::string, std::string> out;
  for (const auto& entry : fs::directory_iterator(output())) {
    std::ifstream in(entry.path(), std::ios::binary);
    out[entry.path().filename().string()] = {std::istreambuf_iterator<char>(in), {}};
  }
  return out;
}

// Lengths of the latest state; files that it does not know are removed.
void FakeHost::truncate_outputs() {
  std::map<std::string, std::uint64_t> lengths;
  if (!latest_.empty()) {
    std::ifstream in(folder_ / ("lengths-" + latest_));
    std::string name;
    for (std::uint64_t length; in >> name >> length;) lengths[name] = length;
  }
  for (const auto& entry : fs::directory_iterator(output())) {
    const auto found = lengths.find(entry.path().filename().string());
    if (found == lengths.end())
      fs::remove(entry.path());
    else
      fs::resize_file(entry.path(), found->second);
  }
}

void FakeHost::commit(const std::string& tag, std::string_view keep_tags) {
  ++commits;
  const auto keep = keep_tags.empty() ? nlohmann::json::array() : nlohmann::json::parse(keep_tags);
  for (const auto& entry : fs::directory_iterator(folder_ / "state"))
    if (std::find(keep.begin(), keep.end(), entry.path().filename().string()) == keep.end())
      fs::remove_all(entry.path());
  fs::rename(begun_, folder_ / "state" / tag);
  std::ofstream lengths(folder_ / ("lengths-" + tag));
  for (const auto& entry : fs::directory_iterator(output()))
    lengths << entry.path().filename().string() << ' ' << entry.file_size() << '\n';
  std::ofstream(folder_ / "latest") << tag;
  latest_ = tag;
}

lehr_host FakeHost::table() {
  lehr_host host{};
  host.size = sizeof host;
  host.abi = LEHR_ABI_VERSION;
  host.fail = [](lehr_context* c, lehr_str m) { self(c).failure = view(m); };
  host.log = [](lehr_context* c, int32_t level, lehr_str text) {
    const std::lock_guard lock(self(c).mutex_);
    if (level != LEHR_DEBUG) self(c).messages.emplace_back(view(text));
  };
  host.progress = [](lehr_context*, const lehr_progress*) {};
  host.result = [](lehr_context* c, lehr_str name, double value, uint32_t flags) {
    if (flags == 0) self(c).results[std::string(view(name))] = value;
  };
  host.cancelled = [](lehr_context* c) -> int32_t { return self(c).cancel_after-- <= 0; };
  host.parameters = [](lehr_context* c) { return self(c).parameters_.root(); };
  host.seed = [](lehr_context*) -> uint64_t { return 7; };
  host.threads = [](lehr_context* c) { return static_cast<uint32_t>(self(c).threads_); };
  host.input_count = [](lehr_context* c) { return self(c).inputs_.size(); };
  host.input = [](lehr_context* c, size_t index, lehr_input* out, size_t) {
    const PortPath& input = self(c).inputs_.at(index);
    *out = {};
    out->port = borrow(input.port);
    out->path = borrow(input.path);
    return LEHR_OK;
  };
  host.set_facet = [](lehr_context*, lehr_str, lehr_str, lehr_str) { return LEHR_OK; };
  host.output = [](lehr_context* c, lehr_str, lehr_str* path) {
    *path = borrow(self(c).output_text_);
    return LEHR_OK;
  };
  host.state_begin = [](lehr_context* c, lehr_str* path) {
    self(c).begun_ = (self(c).folder_ / "begun").string();
    fs::remove_all(self(c).begun_);
    fs::create_directory(self(c).begun_);
    *path = borrow(self(c).begun_);
    return LEHR_OK;
  };
  host.state_commit = [](lehr_context* c, lehr_str tag, lehr_str keep_tags) {
    self(c).commit(std::string(view(tag)), view(keep_tags));
    return LEHR_OK;
  };
  host.state_latest = [](lehr_context* c, lehr_str* tag, lehr_str* path) {
    FakeHost& h = self(c);
    if (h.latest_.empty()) return LEHR_FAILED;
    h.latest_path_ = (h.folder_ / "state" / h.latest_).string();
    *tag = borrow(h.latest_);
    *path = borrow(h.latest_path_);
    return LEHR_OK;
  };
  host.state_find = [](lehr_context* c, lehr_str tag, lehr_str* path) {
    self(c).found_ = (self(c).folder_ / "state" / view(tag)).string();
    *path = borrow(self(c).found_);
    return fs::exists(self(c).found_) ? LEHR_OK : LEHR_FAILED;
  };
  host.open_step = [](lehr_context* c, lehr_str list, size_t index, const lehr_step** step,
                      void** instance) {
    const std::lock_guard lock(self(c).mutex_);
    const Value entry = Value(self(c).parameters_.root())[view(list)].at(index);
    *step = &self(c).steps_.at(std::string(entry["name"].string()));
    const lehr_sink sink{sizeof sink, &self(c).failure, [](void* failure, lehr_str text) {
                           *static_cast<std::string*>(failure) = view(text);
                         }};
    const lehr_value* values = self(c).with_.at(index).root();
    return (*step)->create(values, &sink, instance);
  };
  return host;
}

}  // namespace lehr::text
