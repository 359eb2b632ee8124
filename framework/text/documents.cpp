#include "text/documents.h"

#include <fcntl.h>
#include <lehr/value.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "text/document_summary.h"
#include "text/json_lines.h"
#include "text/plain_row.h"
#include "text/raw_members.h"
#include "text/row_tree.h"
#include "text/utf8_repair.h"

namespace lehr::text {
namespace {

constexpr std::size_t kBlockBytes = 8 << 20;
constexpr std::size_t kDroppedExamples = 8;  // of dropped rows
constexpr std::size_t kNamesBytes = 400;     // of the members that a row without a text has

}  // namespace

void DocumentCounts::operator+=(const DocumentCounts& other) {
  documents += other.documents;
  text_bytes += other.text_bytes;
  malformed_dropped += other.malformed_dropped;
  invalid_utf8_dropped += other.invalid_utf8_dropped;
  invalid_utf8_replaced += other.invalid_utf8_replaced;
  for (const Dropped& dropped : other.examples)
    if (examples.size() < kDroppedExamples) examples.push_back(dropped);
}

struct DocumentParser::State {
  DocumentOptions options;
  RowTree tree;
  std::string file;
  std::string_view rest;
  std::uint64_t line = 0;
  bool block_is_utf8 = true;
  PlainRow plain;
  std::string repaired, id, fields, others;
  DocumentCounts counts;

  [[noreturn]] void fail(const std::string& what) const {
    throw Error(file + ":" + std::to_string(line) + ": " + what);
  }

  // Decides about a line that is not Unicode; true: it was repaired and is to be used.
  bool admit_invalid(const char* what) {
    if (options.invalid_utf8 == InvalidUtf8::error)
      fail(std::string(what) + "; set invalid_utf8 to 'replace' or 'drop' to go on");
    if (options.invalid_utf8 == InvalidUtf8::drop) {
      remember("invalid_utf8", what);
      return ++counts.invalid_utf8_dropped, false;
    }
    return ++counts.invalid_utf8_replaced, true;
  }

  bool reject(const std::string& what) {
    if (options.malformed == Malformed::error) fail(what + options.malformed_advice);
    remember("malformed", what);
    return ++counts.malformed_dropped, false;
  }

  void remember(const char* reason, const std::string& what) {
    if (counts.examples.size() < kDroppedExamples) counts.examples.push_back({reason, line, what});
  }

  // Keeps `text` with the padding the parser needs.
  std::string_view hold(std::string text) {
    const std::size_t size = text.size();
    repaired = std::move(text);
    repaired.resize(size + LineBlock::kPadding);
    return std::string_view(repaired).substr(0, size);
  }

  // The next row, if it is a plain one. False: it is for read_row().
  bool read_plain_row(std::string_view& json, Document& document) {
    if (!block_is_utf8 || !plain.read(rest, options.text_field, options.id_field)) return false;
    document = {plain.id, plain.text, {}};
    if (!plain.others.empty() && !read_others(document)) return false;
    json = plain.row;
    rest.remove_prefix(plain.size);
    return true;
  }

  bool read_others(Document& document) {
    others = '{';
    others += plain.others;
    const std::size_t size = others.size();
    others.resize(size + LineBlock::kPadding);
    const std::string_view json = std::string_view(others).substr(0, size);
    simdjson::dom::element row;
    simdjson::dom::object object;
    if (tree.parse(json, row, true) || row.get(object)) return false;
    for (const auto member : object)
      if (member.key == options.text_field || member.key == options.id_field ||
          kept_name(member.key) != member.key)
        return false;
    fields.clear();
    keep_others(json, object);
    document.fields = fields;
    return true;
  }

  bool read_row(std::string_view& json, Document& document) {
    bool repaired_bytes = false;
    if (!block_is_utf8 && !is_valid_utf8(json)) {
      if (!admit_invalid("the line is not valid UTF-8")) return false;
      json = hold(replace_invalid_utf8(json));
      repaired_bytes = true;
    }
    simdjson::dom::element row;
    auto error = tree.parse(json, row, true);
    if (error == simdjson::STRING_ERROR) {
      std::string whole = replace_lone_surrogates(json);
      if (whole != json) {
        json = hold(std::move(whole));
        error = tree.parse(json, row, true);
        if (!error && !repaired_bytes && !admit_invalid("a \\u escape is half of a surrogate pair"))
          return false;
      }
    }
    if (error)
      return reject(std::string("malformed JSON: ") + simdjson::error_message(error) +
                    row_form_hint(json));
    simdjson::dom::object object;
    if (row.get(object))
      return reject(std::string("the line is not a JSON object") + row_form_hint(json));
    return read_members(json, object, document);
  }

  bool read_members(std::string_view json, const simdjson::dom::object& object,
                    Document& document) {
    bool has_text = false, has_others = false;
    document = {};
    fields.clear();
    for (const auto member : object) {
      if (member.key == options.text_field) {
        if (member.value.get(document.text))
          return reject("member '" + options.text_field + "' is not a string");
        has_text = true;
      } else if (member.key == options.id_field) {
        if (!member.value.is_null() && member.value.get(document.id))
          document.id = id = written_id(json, object, member.value);
      } else {
        has_others = true;
      }
    }
    if (!has_text) return reject(without_text(object));
    if (has_others && !keep_others(json, object)) return false;
    document.fields = fields;
    return true;
  }

  std::string without_text(const simdjson::dom::object& object) const {
    std::string names;
    for (const auto member : object)
      names += (names.empty() ? "'" : ", '") + std::string(member.key) + "'";
    return "there is no member '" + options.text_field + "'; " +
           (names.empty() ? "the row is empty" : "the row has " + beginning(names, kNamesBytes)) +
           ". " + options.text_missing;
  }

  // An id that is no text. A number too large for the tree is taken from the row.
  std::string written_id(std::string_view json, const simdjson::dom::object& object,
                         const simdjson::dom::element& id_value) const {
    if (!tree.rounded() || !id_value.is_number()) return simdjson::minify(id_value);
    RawMembers raw(json);
    std::string found;
    for (const auto member : object) {
      std::size_t value = 0;
      const std::string_view written = raw.next(value);
      if (member.key == options.id_field) found = written.substr(value);
    }
    return found;
  }

  // The members that are neither text nor id, as they are written.
  bool keep_others(std::string_view json, const simdjson::dom::object& object) {
    RawMembers raw(json);
    for (const auto member : object) {
      std::size_t value = 0;
      const std::string_view written = raw.next(value);
      if (member.key == options.text_field || member.key == options.id_field) continue;
      fields += fields.empty() ? '{' : ',';
      const std::string_view name = kept_name(member.key);
      if (name == member.key) {
        fields += written;
        continue;
      }
      if (!object.at_key(name).error())
        return reject("there are members '" + std::string(member.key) + "' and '" +
                      std::string(name) + "', which the former would become");
      append_json_string(fields, name);
      fields += ':';
      fields += written.substr(value);
    }
    fields += '}';
    return true;
  }
};

DocumentParser::DocumentParser(DocumentOptions options) : state_(std::make_unique<State>()) {
  state_->options = std::move(options);
}
DocumentParser::~DocumentParser() = default;
DocumentParser::DocumentParser(DocumentParser&&) noexcept = default;

void DocumentParser::start(const LineBlock& block, std::string file) {
  start(block.bytes(), block.first_line, std::move(file));
}

void DocumentParser::start(std::string_view lines, std::uint64_t first_line, std::string file) {
  State& s = *state_;
  s.file = std::move(file);
  s.rest = lines;
  s.line = first_line - 1;
  s.block_is_utf8 = is_valid_utf8(s.rest);
}

bool DocumentParser::next(Document& document, std::string_view& line) {
  State& s = *state_;
  const auto found = [&] {
    ++s.counts.documents;
    s.counts.text_bytes += document.text.size();
    return true;
  };
  for (;;) {
    ++s.line;
    if (s.read_plain_row(line, document)) return found();
    if (!take_line(s.rest, line)) break;
    if (s.line == 1 && line.starts_with("\xef\xbb\xbf")) line.remove_prefix(3);
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    if (s.read_row(line, document)) return found();
  }
  --s.line;
  return false;
}

std::uint64_t DocumentParser::line_number() const { return state_->line; }
const DocumentCounts& DocumentParser::counts() const { return state_->counts; }
DocumentCounts DocumentParser::take_counts() { return std::exchange(state_->counts, {}); }

DocumentReader::DocumentReader(std::vector<std::filesystem::path> files, DocumentOptions options)
    : blocks_(std::move(files)), parser_(std::move(options)) {}

bool DocumentReader::next(Document& document) {
  std::string_view line;
  while (!parser_.next(document, line)) {
    if (!blocks_.next(block_)) return false;
    parser_.start(block_, blocks_.files()[block_.file].string());
  }
  return true;
}

std::string DocumentReader::where() const {
  return blocks_.files()[block_.file].string() + ":" + std::to_string(parser_.line_number());
}

std::string_view kept_name(std::string_view name) {
  return name == "id" ? "original_id" : name == "text" ? "original_text" : name;
}

void append_document(std::string& out, const Document& document) {
  const std::size_t begin = out.size();
  out += "{\"id\":";
  append_json_string(out, document.id);
  out += ",\"text\":";
  append_json_string(out, document.text);
  const std::size_t open = document.fields.find('{');
  if (open != std::string_view::npos) {
    const std::string_view members = document.fields.substr(open + 1);
    if (members.find_first_not_of(" \t\r\n") != members.rfind('}')) {
      out += ',';
      out += members;
    } else {
      out += '}';
    }
  } else {
    out += '}';
  }
  out += '\n';
  if (out.size() - begin > kMaxLineBytes)
    throw Error("document '" + std::string(document.id) + "': is longer as a line of JSON than " +
                std::to_string(kMaxLineBytes) + " bytes, the most that is read");
}

FrameFile::FrameFile(std::filesystem::path path, std::uint64_t length)
    : path_(std::move(path)), length_(length) {
  file_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
  if (file_ < 0) throw Error(path_.string() + ": cannot be created: " + std::strerror(errno));
  const off_t size = ::lseek(file_, 0, SEEK_END);
  const bool whole = size >= 0 && static_cast<std::uint64_t>(size) >= length;
  if (!whole || ::ftruncate(file_, static_cast<off_t>(length)) != 0 ||
      ::lseek(file_, 0, SEEK_END) < 0) {
    ::close(std::exchange(file_, -1));
    throw Error(path_.string() + ": cannot be gone on with at byte " + std::to_string(length));
  }
}

FrameFile::~FrameFile() {
  if (file_ >= 0) ::close(file_);
}

FrameFile::FrameFile(FrameFile&& other) noexcept
    : path_(std::move(other.path_)),
      file_(std::exchange(other.file_, -1)),
      length_(other.length_) {}

FrameFile& FrameFile::operator=(FrameFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(file_, other.file_);
  std::swap(length_, other.length_);
  return *this;
}

void FrameFile::append(std::string_view frames) {
  while (!frames.empty()) {
    const ssize_t n = ::write(file_, frames.data(), frames.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw Error(path_.string() + ": cannot be written: " + std::strerror(errno));
    frames.remove_prefix(static_cast<std::size_t>(n));
    length_ += static_cast<std::uint64_t>(n);
  }
}

void FrameFile::close() {
  if (file_ >= 0 && ::close(std::exchange(file_, -1)) != 0)
    throw Error(path_.string() + ": cannot be written: " + std::strerror(errno));
}

DocumentWriter::DocumentWriter(const std::filesystem::path& directory, std::string_view split)
    : file_(directory / (std::string(split) + "-00000.jsonl.zst")) {}

void DocumentWriter::write(const Document& document) {
  append_document(block_, document);
  ++documents_;
  text_bytes_ += document.text.size();
  if (block_.size() >= kBlockBytes) end_block();
}

void DocumentWriter::end_block() {
  file_.append(compressor_.compress(block_));
  block_.clear();
}

void DocumentWriter::close() {
  // A file without documents still is a zstd file: one empty frame.
  if (!block_.empty() || file_.length() == 0) end_block();
  file_.close();
}

}  // namespace lehr::text
