#include "runtime/store/archive_file.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "runtime/store/sha256.h"

namespace lehr::runtime {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t kPiece = 1 << 18;
using Entry = std::unique_ptr<archive_entry, void (*)(archive_entry*)>;

// Called by libarchive; an exception may not cross it. into: a NewFile*, null if no more is wanted.
la_ssize_t write_piece(struct archive* archive, void* into, const void* bytes, std::size_t size) {
  NewFile* file = *static_cast<NewFile**>(into);
  if (file == nullptr) return -1;
  try {
    file->write({static_cast<const char*>(bytes), size});
    return static_cast<la_ssize_t>(size);
  } catch (const IoError& e) {
    archive_set_error(archive, e.error_number, "%s", e.what());
    return -1;
  }
}

std::string error_of(struct archive* archive) {
  const char* text = archive_error_string(archive);
  return text == nullptr ? "unknown error" : text;
}

}  // namespace

ArchiveWriter::ArchiveWriter(const fs::path& path, bool plain_names)
    : path_(path), file_(path), archive_(archive_write_new(), archive_write_free) {
  struct archive* out = archive_.get();
  if (out == nullptr || archive_write_add_filter_zstd(out) != ARCHIVE_OK ||
      archive_write_set_format_pax_restricted(out) != ARCHIVE_OK ||
      archive_write_set_options(out, "zstd:compression-level=3") != ARCHIVE_OK ||
      (!plain_names && archive_write_set_options(out, "pax:hdrcharset=BINARY") != ARCHIVE_OK) ||
      archive_write_set_bytes_in_last_block(out, 1) != ARCHIVE_OK ||  // no padding
      archive_write_open(out, &into_, nullptr, write_piece, nullptr) != ARCHIVE_OK)
    fail();
}

ArchiveWriter::~ArchiveWriter() {
  into_ = nullptr;  // closing would write the end; without it libarchive keeps its buffer
  if (archive_) archive_write_close(archive_.get());
}

void ArchiveWriter::fail() const {
  const std::string why = error_of(archive_.get());
  throw StoreError(
      why.starts_with("cannot write") ? why : "cannot write '" + path_.string() + "': " + why);
}

void ArchiveWriter::begin(const std::string& name, std::uint64_t size) {
  const Entry entry(archive_entry_new(), archive_entry_free);
  archive_entry_copy_pathname(entry.get(), name.c_str());
  archive_entry_set_filetype(entry.get(), AE_IFREG);
  archive_entry_set_perm(entry.get(), 0644);
  archive_entry_set_mtime(entry.get(), 0, 0);
  archive_entry_set_size(entry.get(), static_cast<la_int64_t>(size));
  if (archive_write_header(archive_.get(), entry.get()) != ARCHIVE_OK) fail();
}

void ArchiveWriter::data(std::string_view bytes) {
  if (archive_write_data(archive_.get(), bytes.data(), bytes.size()) !=
      static_cast<la_ssize_t>(bytes.size()))
    fail();
}

void ArchiveWriter::add(const std::string& name, std::string_view content) {
  begin(name, content.size());
  if (!content.empty()) data(content);
}

std::string ArchiveWriter::add_file(const std::string& name, const fs::path& file,
                                    std::uint64_t size) {
  begin(name, size);
  const FileDescriptor in = open_file(file, O_RDONLY);
  std::vector<char> buffer(kPiece);
  Sha256 hash;
  for (std::uint64_t left = size;;) {
    const ssize_t n = ::read(in.get(), buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw IoError("cannot read", file, errno);
    if (static_cast<std::uint64_t>(n) > left || (n == 0 && left > 0))
      throw StoreError("'" + file.string() + "' does not have " + std::to_string(size) + " bytes");
    if (n == 0) return hash.hex();
    left -= static_cast<std::uint64_t>(n);
    const std::string_view piece(buffer.data(), static_cast<std::size_t>(n));
    hash.update(piece);
    data(piece);
  }
}

void ArchiveWriter::close() {
  if (archive_write_close(archive_.get()) != ARCHIVE_OK) fail();
  archive_.reset();
  file_.commit();
}

ArchiveReader::ArchiveReader(fs::path path)
    : path_(std::move(path)), archive_(archive_read_new(), archive_read_free) {
  open_file(path_, O_RDONLY);  // says why it cannot
  struct archive* in = archive_.get();
  if (in == nullptr || archive_read_support_filter_zstd(in) != ARCHIVE_OK ||
      archive_read_support_format_tar(in) != ARCHIVE_OK ||
      archive_read_open_filename(in, path_.c_str(), kPiece) != ARCHIVE_OK)
    damaged(error_of(in));
}

void ArchiveReader::damaged(const std::string& why) const {
  throw StoreError("'" + path_.string() + "' is not a bundle, or is damaged: " + why);
}

std::uint64_t ArchiveReader::next(const std::string& name) {
  archive_entry* entry = nullptr;
  const int status = archive_read_next_header(archive_.get(), &entry);
  if (status == ARCHIVE_EOF) damaged("it ends before '" + name + "'");
  if (status != ARCHIVE_OK) damaged(error_of(archive_.get()));
  const char* found = archive_entry_pathname(entry);
  if (found == nullptr || name != found)
    damaged("there is '" + std::string(found == nullptr ? "" : found) + "' where '" + name +
            "' should be");
  if (archive_entry_filetype(entry) != AE_IFREG || archive_entry_hardlink(entry) != nullptr ||
      archive_entry_symlink(entry) != nullptr || archive_entry_sparse_count(entry) != 0)
    damaged("'" + name + "' is not a plain file");
  if (!archive_entry_size_is_set(entry) || archive_entry_size(entry) < 0)
    damaged("'" + name + "' has no size");
  return static_cast<std::uint64_t>(archive_entry_size(entry));
}

void ArchiveReader::read(const std::function<void(std::string_view)>& piece) {
  std::vector<char> buffer(kPiece);
  while (true) {
    const la_ssize_t n = archive_read_data(archive_.get(), buffer.data(), buffer.size());
    if (n < 0) damaged(error_of(archive_.get()));
    if (n == 0) return;
    piece({buffer.data(), static_cast<std::size_t>(n)});
  }
}

std::string ArchiveReader::text(const std::string& name, std::uint64_t limit) {
  if (const std::uint64_t size = next(name); size > limit)
    damaged("'" + name + "' has " + std::to_string(size) + " bytes, more than it may");
  std::string out;
  read([&](std::string_view piece) {
    out += piece;
    if (out.size() > limit) damaged("'" + name + "' is larger than it says");
  });
  return out;
}

std::string ArchiveReader::extract(const std::string& name, std::uint64_t size,
                                   const fs::path& target) {
  if (const std::uint64_t found = next(name); found != size)
    damaged("'" + name + "' has " + std::to_string(found) + " bytes, not " + std::to_string(size));
  const FileDescriptor out = open_file(target, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW);
  Sha256 hash;
  std::uint64_t written = 0;
  read([&](std::string_view piece) {
    written += piece.size();
    if (written > size) damaged("'" + name + "' is larger than it says");
    hash.update(piece);
    write_all(out.get(), piece, target);
  });
  return hash.hex();
}

void ArchiveReader::expect_end() {
  archive_entry* entry = nullptr;
  const int status = archive_read_next_header(archive_.get(), &entry);
  if (status == ARCHIVE_OK) damaged("there is more in it than it lists");
  if (status != ARCHIVE_EOF) damaged(error_of(archive_.get()));
}

}  // namespace lehr::runtime
