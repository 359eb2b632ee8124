// Compressed tar archives (tar, zstd) of plain files, written and read in one pass with bounded
// memory. Written without times, owners and modes, so that the same files in the same order give
// the same bytes. libarchive does the formats; this keeps it to what Lehr's bundles hold.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "runtime/store/artifact.h"
#include "runtime/store/durable_file.h"

struct archive;  // of libarchive

namespace lehr::runtime {

class ArchiveWriter {
 public:
  // The archive appears at `path` with close(), whole, or not at all. plain_names: all names are
  // ASCII; others are marked as they are in a way that GNU tar reads, and warns of.
  explicit ArchiveWriter(const std::filesystem::path& path, bool plain_names = true);
  ~ArchiveWriter();
  ArchiveWriter(const ArchiveWriter&) = delete;
  ArchiveWriter& operator=(const ArchiveWriter&) = delete;

  void add(const std::string& name, std::string_view content);
  // Copies a file of exactly `size` bytes and gives the SHA-256 of what was copied. Throws
  // StoreError if it has another size.
  std::string add_file(const std::string& name, const std::filesystem::path& file,
                       std::uint64_t size);
  void close();

 private:
  void begin(const std::string& name, std::uint64_t size);
  void data(std::string_view bytes);
  [[noreturn]] void fail() const;

  std::filesystem::path path_;
  NewFile file_;
  NewFile* into_ = &file_;  // what libarchive writes into
  std::unique_ptr<archive, int (*)(archive*)> archive_;
};

class ArchiveReader {
 public:
  explicit ArchiveReader(std::filesystem::path path);

  // The content of the next file, which must be a plain one called `name` and not larger than
  // `limit`. Throws StoreError for anything else: a link, a folder, another name, damage.
  std::string text(const std::string& name, std::uint64_t limit);
  // Writes the next file, which must be called `name` and have `size` bytes, to `target`, which
  // must not be there yet; gives its SHA-256.
  std::string extract(const std::string& name, std::uint64_t size,
                      const std::filesystem::path& target);
  // Throws StoreError if there is more.
  void expect_end();

 private:
  std::uint64_t next(const std::string& name);  // its size
  void read(const std::function<void(std::string_view)>& piece);
  [[noreturn]] void damaged(const std::string& why) const;

  std::filesystem::path path_;
  std::unique_ptr<archive, int (*)(archive*)> archive_;
};

}  // namespace lehr::runtime
