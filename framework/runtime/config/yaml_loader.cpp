#include "runtime/config/yaml_loader.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <cstring>
#include <fstream>
#include <optional>
#include <sstream>
#include <unordered_map>
#include <utility>

#include "runtime/config/utf8.h"

namespace lehr::runtime {
namespace {

// Thrown to leave the parser; the diagnostic has been written.
struct Stop {};

class TreeBuilder : public YAML::EventHandler {
 public:
  TreeBuilder(std::shared_ptr<const Source> source, Diagnostics& diagnostics,
              const YamlLimits& limits)
      : source_(std::move(source)), diagnostics_(diagnostics), limits_(limits) {}

  NodePtr root() const { return root_; }
  // yaml-cpp counts lines and columns from 0, columns in bytes.
  Origin at(const YAML::Mark& mark) const {
    Origin origin{source_, mark.line + 1, mark.column + 1};
    if (source_->is_flag()) return origin;
    const std::string_view line = source_->line(origin.line);
    int characters = 1;
    for (int i = 0; i < mark.column && static_cast<std::size_t>(i) < line.size(); ++i)
      characters += (static_cast<unsigned char>(line[i]) & 0xC0) != 0x80;
    origin.column = std::min<int>(characters, static_cast<int>(line.size()) + 1);
    return origin;
  }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ == 2) stop(at(mark), "a pipeline is one document; a second one begins here");
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    auto node = make(Node::Kind::null, at(mark));
    // A missing value is where its key is, not where the parser noticed.
    if (!open_.empty() && open_.back().key)
      if (const Origin& key = open_.back().key->origin; key.line != node->origin.line)
        node->origin = key;
    keep(anchor, node);
    add(node);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    check_tag(tag, mark);
    auto node = make(Node::Kind::scalar, at(mark));
    if (tag == "!" && unclosed(mark)) stop(at(mark), "a quoted text is not closed");
    node->text = value;
    node->plain = tag == "?";
    keep(anchor, node);
    add(node);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(Node::Kind::list, mark, tag, anchor);
  }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(Node::Kind::map, mark, tag, anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapEnd() override { close(); }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (++aliases_ > limits_.aliases)
      stop(at(mark), "more than " + std::to_string(limits_.aliases) + " aliases in one file");
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) stop(at(mark), "an anchor cannot contain itself");
    count(found->second->weight, at(mark));
    add(used_at(found->second, at(mark)));
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
    YAML::anchor_t anchor;
    std::optional<Key> key;  // of a map: read, its value is next
    std::unordered_map<std::string, Origin> seen;
  };

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
  // yaml-cpp takes the end of the file for the end of a quoted text.
  bool unclosed(const YAML::Mark& mark) const {
    const std::string_view text = source_->text();
    const auto begin = static_cast<std::size_t>(mark.pos);
    if (begin >= text.size() || (text[begin] != '"' && text[begin] != '\'')) return false;
    return text.find(text[begin], begin + 1) == std::string_view::npos;
  }
  void keep(YAML::anchor_t anchor, const NodePtr& node) {
    if (anchor != 0) anchors_[anchor] = node;
  }
  static std::string shorthand(const std::string& tag) {
    constexpr std::string_view standard = "tag:yaml.org,2002:";
    return tag.starts_with(standard) ? "!!" + tag.substr(standard.size()) : tag;
  }
  void check_tag(const std::string& tag, const YAML::Mark& mark) {
    if (tag != "?" && tag != "!" && !tag.empty())
      diagnostics_.error(at(mark),
                         "tag '" + shorthand(tag) + "' is not used in pipelines. Remove it");
  }
  void open(Node::Kind kind, const YAML::Mark& mark, const std::string& tag,
            YAML::anchor_t anchor) {
    check_tag(tag, mark);
    if (open_.size() >= limits_.depth)
      stop(at(mark), "nested deeper than " + std::to_string(limits_.depth) + " levels");
    open_.push_back({make(kind, at(mark)), anchor, std::nullopt, {}});
  }
  void close() {
    const auto node = open_.back().node;
    const auto anchor = open_.back().anchor;
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
    } else if (!parent.key) {
      take_key(parent, *node);
    } else {
      if (parent.key->usable) {
        parent.node->entries.push_back({parent.key->name, parent.key->origin, node});
        parent.node->weight += node->weight;
      }
      parent.key.reset();
    }
  }
  void take_key(Open& parent, const Node& node) {
    Key key{node.text, node.origin, false};
    if (!node.is_scalar()) {
      diagnostics_.error(node.origin, "a key must be text, got " + describe(node));
    } else if (node.plain && node.text == "<<") {
      diagnostics_.error(
          node.origin,
          "merge keys ('<<') are not supported. Put what is shared into vars, or into a file "
          "named by 'extends'");
    } else if (const auto [old, fresh] = parent.seen.emplace(node.text, node.origin); !fresh) {
      diagnostics_.error(node.origin, "key '" + node.text + "' is given twice")
          .notes.push_back({old->second, "first given here"});
    } else {
      key.usable = true;
    }
    parent.key = std::move(key);
  }

  std::shared_ptr<const Source> source_;
  Diagnostics& diagnostics_;
  const YamlLimits& limits_;
  std::vector<Open> open_;
  std::unordered_map<YAML::anchor_t, NodePtr> anchors_;
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

// yaml-cpp's messages, said so that they tell what to do.
std::string explained(const std::string& message) {
  static const std::pair<const char*, const char*> better[] = {
      {"illegal map value", "a ':' is not possible here. Quote the text if the ':' belongs to it"},
      {"illegal block entry", "a '-' is not possible here. Check the indentation"},
      {"end of map not found", "the indentation does not fit the lines above"},
      {"end of sequence not found", "the indentation does not fit the lines above"},
      {"end of map flow not found", "a '{' is not closed, or a text with a ':' is not quoted"},
      {"end of sequence flow not found", "a '[' is not closed"},
      {"unknown token",
       "this is not YAML. Text that begins with a special character must be quoted"},
      {"EOF in scalar", "a quoted text is not closed"},
      {"the referenced anchor is not defined", "there is no anchor of this name above"},
      {"illegal tab when looking for indentation", "tabs cannot indent. Use spaces"},
      {"bad conversion", "this value cannot be read"}};
  for (const auto& [theirs, ours] : better)
    if (message.find(theirs) != std::string::npos) return ours;
  return message;
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
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const Stop&) {
    return nullptr;
  } catch (const YAML::Exception& e) {
    const Origin origin = e.mark.is_null() ? Origin{source, 1, 1} : builder.at(e.mark);
    const std::string_view line = source->line(origin.line);
    const bool tab = line.substr(0, line.find_first_not_of(" \t")).find('\t') != line.npos;
    diagnostics.error(origin, tab ? "tabs cannot indent. Use spaces" : explained(e.msg));
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
  std::string text(limits.bytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (file.bad()) return refuse("cannot be read");
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
