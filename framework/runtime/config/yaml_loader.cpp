#include "runtime/config/yaml_loader.h"

#include <yaml.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <new>
#include <optional>
#include <unordered_map>
#include <utility>

#include "runtime/config/utf8.h"

namespace lehr::runtime {
namespace {

// Thrown to leave the parser; the diagnostic has been written.
struct Stop {};

struct Event {
  yaml_event_t raw{};
  Event() = default;
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  ~Event() { yaml_event_delete(&raw); }
};

class Parser {
 public:
  explicit Parser(std::string_view text) {
    if (yaml_parser_initialize(&raw_) == 0) throw std::bad_alloc();
    yaml_parser_set_encoding(&raw_, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&raw_, reinterpret_cast<const unsigned char*>(text.data()),
                                 text.size());
  }
  Parser(const Parser&) = delete;
  Parser& operator=(const Parser&) = delete;
  ~Parser() { yaml_parser_delete(&raw_); }

  // False: the text is no YAML; failure() says why.
  bool next(Event& event) { return yaml_parser_parse(&raw_, &event.raw) == 1; }
  const yaml_parser_t& failure() const { return raw_; }

 private:
  yaml_parser_t raw_;
};

std::string text_of(const yaml_char_t* text) {
  return text ? reinterpret_cast<const char*>(text) : "";
}

class TreeBuilder {
 public:
  TreeBuilder(std::shared_ptr<const Source> source, Diagnostics& diagnostics,
              const YamlLimits& limits)
      : source_(std::move(source)), diagnostics_(diagnostics), limits_(limits) {}

  NodePtr root() const { return root_; }
  // libyaml counts lines and columns from 0, columns in characters.
  Origin at(const yaml_mark_t& mark) const {
    Origin origin{source_, static_cast<int>(mark.line) + 1, static_cast<int>(mark.column) + 1};
    if (source_->is_flag()) return origin;
    const auto line = static_cast<int>(source_->line(origin.line).size());
    origin.column = std::min(origin.column, line + 1);
    return origin;
  }

  void add_event(const yaml_event_t& event) {
    const yaml_mark_t& mark = event.start_mark;
    const auto& scalar = event.data.scalar;
    const auto& map = event.data.mapping_start;
    const auto& list = event.data.sequence_start;
    switch (event.type) {
      case YAML_DOCUMENT_START_EVENT:
        if (++documents_ == 2)
          stop(at(mark), "a pipeline is one document; a second one begins here");
        return;
      case YAML_SCALAR_EVENT:
        check_tag(text_of(scalar.tag), mark);
        return add_scalar({reinterpret_cast<const char*>(scalar.value), scalar.length},
                          scalar.style == YAML_PLAIN_SCALAR_STYLE, mark, text_of(scalar.anchor));
      case YAML_MAPPING_START_EVENT:
        return open(Node::Kind::map, mark, text_of(map.tag), text_of(map.anchor));
      case YAML_SEQUENCE_START_EVENT:
        return open(Node::Kind::list, mark, text_of(list.tag), text_of(list.anchor));
      case YAML_MAPPING_END_EVENT:
      case YAML_SEQUENCE_END_EVENT:
        return close();
      case YAML_ALIAS_EVENT:
        return add_alias(text_of(event.data.alias.anchor), mark);
      default:
        return;
    }
  }

  [[noreturn]] void stop(Origin origin, std::string message) {
    diagnostics_.error(std::move(origin), std::move(message));
    throw Stop{};
  }

 private:
  struct Key {
    std::string name;
    Origin origin;
    bool usable;
  };
  struct Open {
    std::shared_ptr<Node> node;
    std::string anchor;      // empty: none
    std::optional<Key> key;  // of a map: read, its value is next
    bool expects_key() const { return node->is_map() && !key; }
    std::unordered_map<std::string, std::size_t> entry_at;  // by key; of a map with many
  };

  void add_scalar(std::string text, bool plain, const yaml_mark_t& mark,
                  const std::string& anchor) {
    const bool null = plain && (text.empty() || text == "~" || text == "null" || text == "Null" ||
                                text == "NULL");
    const Origin origin = at(mark);
    if (!null && anchor.empty() && !open_.empty() && open_.back().expects_key()) {
      count(1, origin);
      return take_key(open_.back(), std::move(text), plain, origin);
    }
    auto node = make(null ? Node::Kind::null : Node::Kind::scalar, origin);
    // A missing value is where its key is, not where the parser noticed.
    if (null && !open_.empty() && open_.back().key)
      if (const Origin& key = open_.back().key->origin;
          text.empty() || key.line != node->origin.line)
        node->origin = key;
    if (!null) {
      node->text = std::move(text);
      node->plain = plain;
    }
    keep(anchor, node);
    add(node);
  }
  void add_alias(const std::string& anchor, const yaml_mark_t& mark) {
    if (++aliases_ > limits_.aliases)
      stop(at(mark), "more than " + std::to_string(limits_.aliases) + " aliases in one file");
    for (const Open& open : open_)
      if (open.anchor == anchor) stop(at(mark), "an anchor cannot contain itself");
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) stop(at(mark), "there is no anchor of this name above");
    count(found->second->weight, at(mark));
    add(used_at(found->second, at(mark)));
  }
  std::shared_ptr<Node> make(Node::Kind kind, Origin origin) {
    count(1, origin);
    auto node = std::make_shared<Node>();
    node->kind = kind;
    node->origin = std::move(origin);
    return node;
  }
  void count(std::size_t nodes, const Origin& origin) {
    nodes_ += nodes;
    if (nodes_ > limits_.nodes)
      stop(origin, "more than " + std::to_string(limits_.nodes) +
                       " values in one file, counting what aliases stand for");
  }
  void keep(const std::string& anchor, const NodePtr& node) {
    if (!anchor.empty()) anchors_[anchor] = node;
  }
  static std::string shorthand(const std::string& tag) {
    constexpr std::string_view standard = "tag:yaml.org,2002:";
    return tag.starts_with(standard) ? "!!" + tag.substr(standard.size()) : tag;
  }
  void check_tag(const std::string& tag, const yaml_mark_t& mark) {
    if (tag != "!" && !tag.empty())
      diagnostics_.error(at(mark),
                         "tag '" + shorthand(tag) + "' is not used in pipelines. Remove it");
  }
  void open(Node::Kind kind, const yaml_mark_t& mark, const std::string& tag, std::string anchor) {
    check_tag(tag, mark);
    if (open_.size() >= limits_.depth)
      stop(at(mark), "nested deeper than " + std::to_string(limits_.depth) + " levels");
    open_.push_back({make(kind, at(mark)), std::move(anchor), std::nullopt, {}});
  }
  void close() {
    const std::shared_ptr<Node> node = std::move(open_.back().node);
    const std::string anchor = std::move(open_.back().anchor);
    open_.pop_back();
    keep(anchor, node);
    add(node);
  }
  void add(const NodePtr& node) {
    if (open_.empty()) {
      root_ = node;
      return;
    }
    Open& parent = open_.back();
    if (parent.node->is_list()) {
      parent.node->items.push_back(node);
      parent.node->weight += node->weight;
    } else if (parent.expects_key()) {
      take_key(parent, *node);
    } else {
      if (Key& key = *parent.key; key.usable) {
        parent.node->entries.push_back({std::move(key.name), std::move(key.origin), node});
        parent.node->weight += node->weight;
      }
      parent.key.reset();
    }
  }
  void take_key(Open& parent, const Node& node) {
    if (node.is_scalar()) return take_key(parent, node.text, node.plain, node.origin);
    diagnostics_.error(node.origin, "a key must be text, got " + describe(node));
    parent.key = Key{"", node.origin, false};
  }
  void take_key(Open& parent, std::string name, bool plain, const Origin& origin) {
    const Entry* before = find(parent, name);
    const bool merges = plain && name == "<<";
    if (merges)
      diagnostics_.error(
          origin,
          "merge keys ('<<') are not supported. Put what is shared into vars, or into a file "
          "named by 'extends'");
    else if (before)
      diagnostics_.error(origin, "key '" + name + "' is given twice")
          .notes.push_back({before->origin, "first given here"});
    parent.node->lacks_keys = parent.node->lacks_keys || merges;
    parent.key = Key{std::move(name), origin, !before && !merges};
  }
  static const Entry* find(Open& map, const std::string& key) {
    const std::vector<Entry>& entries = map.node->entries;
    constexpr std::size_t kFew = 16;  // looked through
    if (entries.size() <= kFew) return map.node->find(key);
    for (std::size_t i = map.entry_at.size(); i < entries.size(); ++i)
      map.entry_at.emplace(entries[i].key, i);
    const auto found = map.entry_at.find(key);
    return found == map.entry_at.end() ? nullptr : &entries[found->second];
  }

  std::shared_ptr<const Source> source_;
  Diagnostics& diagnostics_;
  const YamlLimits& limits_;
  std::vector<Open> open_;
  std::unordered_map<std::string, NodePtr> anchors_;
  NodePtr root_;
  std::size_t nodes_ = 0, aliases_ = 0;
  int documents_ = 0;
};

struct BadByte {
  std::size_t offset;
  std::string what;
};

// Bytes that are no part of a text file in UTF-8.
std::optional<BadByte> find_bad_byte(std::string_view text) {
  if (text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF"))
    return BadByte{0, "the file is UTF-16. Save it as UTF-8"};
  for (std::size_t i = 0; i < text.size();) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c == 0) return BadByte{i, "there is a NUL byte here. A pipeline is a text file"};
    if (c == 0x7F || (c < 0x20 && c != '\n' && c != '\r' && c != '\t'))
      return BadByte{i, "there is a control character (byte " + std::to_string(c) + ") here"};
    const std::size_t length = utf8_length(text, i);
    if (length == 0) return BadByte{i, "this is not UTF-8. Save the file as UTF-8"};
    const std::string_view character = text.substr(i, length);
    if (character == "\xC2\x85" || character == "\xE2\x80\xA8" || character == "\xE2\x80\xA9")
      return BadByte{i,
                     "this character ends a line for some YAML readers. Write it in double quotes, "
                     "as \\N, \\L or \\P"};
    i += length;
  }
  return std::nullopt;
}

Origin origin_of(const std::shared_ptr<const Source>& source, std::size_t offset) {
  Origin origin{source, 1, 1};
  for (std::size_t i = 0; i < offset; ++i) {
    const char c = source->text()[i];
    if (c == '\n')
      ++origin.line, origin.column = 1;
    else if ((c & 0xC0) != 0x80)
      ++origin.column;
  }
  return origin;
}

// libyaml's messages, said so that they tell what to do.
std::string explained(const std::string& message) {
  static const std::pair<const char*, const char*> better[] = {
      {"mapping values are not allowed",
       "a ':' is not possible here. Quote the text if the ':' belongs to it"},
      {"block sequence entries are not allowed",
       "a '-' is not possible here. Check the indentation"},
      {"did not find expected key", "the indentation does not fit the lines above"},
      {"did not find expected '-' indicator", "the indentation does not fit the lines above"},
      {"could not find expected ':'", "the indentation does not fit the lines above"},
      {"did not find expected ',' or '}'",
       "a '{' is not closed, or a text with a ':' is not quoted"},
      {"did not find expected ',' or ']'", "a '[' is not closed"},
      {"found character that cannot start any token",
       "this is not YAML. Text that begins with a special character must be quoted"},
      {"found unexpected end of stream", "a quoted text is not closed"}};
  for (const auto& [theirs, ours] : better)
    if (message.find(theirs) != std::string::npos) return ours;
  return message;
}

void report(const yaml_parser_t& failure, const std::shared_ptr<const Source>& source,
            const TreeBuilder& builder, Diagnostics& diagnostics) {
  const std::string problem = failure.problem ? failure.problem : "no memory";
  if (failure.error == YAML_READER_ERROR)
    return void(diagnostics.error(origin_of(source, failure.problem_offset),
                                  "this character is not possible in YAML: " + problem));
  const bool unclosed = problem == "found unexpected end of stream" && failure.context;
  const Origin origin = builder.at(unclosed ? failure.context_mark : failure.problem_mark);
  const std::string_view line = source->line(origin.line);
  const bool tab = line.substr(0, line.find_first_not_of(" \t")).find('\t') != line.npos;
  diagnostics.error(origin, tab ? "tabs cannot indent. Use spaces" : explained(problem));
}

}  // namespace

NodePtr load_yaml(const std::shared_ptr<const Source>& source, Diagnostics& diagnostics,
                  const YamlLimits& limits) {
  std::string_view text = source->text();
  if (text.size() > limits.bytes) {
    diagnostics.error({source, 0, 0}, "larger than " + std::to_string(limits.bytes) + " bytes");
    return nullptr;
  }
  if (const auto bad = find_bad_byte(text)) {
    diagnostics.error(origin_of(source, bad->offset), bad->what);
    return nullptr;
  }
  TreeBuilder builder(source, diagnostics, limits);
  Parser parser(text);
  try {
    for (bool ended = false; !ended;) {
      Event event;
      if (!parser.next(event)) {
        report(parser.failure(), source, builder, diagnostics);
        return nullptr;
      }
      builder.add_event(event.raw);
      ended = event.raw.type == YAML_STREAM_END_EVENT;
    }
  } catch (const Stop&) {
    return nullptr;
  }
  if (!builder.root()) diagnostics.error({source, 0, 0}, "the file is empty");
  return builder.root();
}

std::shared_ptr<const Source> read_source(const std::filesystem::path& path,
                                          const std::string& name, int rank, const Origin& from,
                                          Diagnostics& diagnostics, const YamlLimits& limits) {
  const auto refuse = [&](const std::string& why) {
    diagnostics.error(from, (from.source ? "'" + name + "': " : name + ": ") + why);
    return nullptr;
  };
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (status.type() == std::filesystem::file_type::not_found)
    return refuse("there is no such file");
  if (std::filesystem::is_directory(status)) return refuse("this is a folder, not a pipeline file");
  std::ifstream file(path, std::ios::binary);
  if (!file) return refuse(std::string("cannot be read: ") + std::strerror(errno));
  std::string text;
  for (std::size_t read = 1 << 16; text.size() <= limits.bytes && file; read *= 2) {
    const std::size_t before = text.size();
    text.resize(std::min(before + read, limits.bytes + 1));
    file.read(text.data() + before, static_cast<std::streamsize>(text.size() - before));
    text.resize(before + static_cast<std::size_t>(file.gcount()));
  }
  if (file.bad()) return refuse(std::string("cannot be read: ") + std::strerror(errno));
  if (text.size() > limits.bytes)
    return refuse("larger than " + std::to_string(limits.bytes) +
                  " bytes; a pipeline file is not that large");
  if (text.starts_with("\xEF\xBB\xBF"))
    text.erase(0, 3);  // a byte-order mark says nothing in UTF-8
  const auto absolute = std::filesystem::absolute(path);
  return std::make_shared<Source>(name, absolute.parent_path().lexically_normal(), std::move(text),
                                  rank);
}

}  // namespace lehr::runtime
