// Files that survive a crash or a power loss: write, fsync, rename, fsync the folder. Everything
// the store keeps goes through these few functions, and every failure names the file and the
// reason.
#pragma once

#include <cstdint>
#include <filesystem>
#include <future>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace lehr::runtime {

// "cannot write '/x/y': No space left on device".
struct IoError : std::runtime_error {
  IoError(std::string_view what, const std::filesystem::path& path, int error_number);
  int error_number;
};

// Owns a file descriptor; -1 is none.
class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int fd) : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(other.release()) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept;
  ~FileDescriptor() { reset(); }
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int release();
  void reset();

 private:
  int fd_ = -1;
};

// open(2) with O_CLOEXEC; repeats after EINTR. Throws IoError.
FileDescriptor open_file(const std::filesystem::path& path, int flags, int mode = 0644);
// The same for a file that is only locked, made if it is missing: other users of the folder lock it
// as well, so it is theirs as far as the umask says. flags: O_RDONLY or O_RDWR.
FileDescriptor open_lock(const std::filesystem::path& path, int flags);
// Writes all of it, through short writes and EINTR. Throws IoError; `path` is for the message.
void write_all(int fd, std::string_view bytes, const std::filesystem::path& path);

// Whole content. Throws IoError; a file larger than `limit` bytes is an error (EFBIG).
std::string read_file(const std::filesystem::path& path, std::size_t limit = std::size_t{1} << 30);

// A file written in pieces: it appears whole with commit(), or not at all.
class NewFile {
 public:
  explicit NewFile(std::filesystem::path path);
  ~NewFile();  // without commit(): nothing stays
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;
  void write(std::string_view bytes);
  // durably: it is on disk when this returns.
  void commit(bool durably = true);

 private:
  std::filesystem::path path_, temporary_;
  FileDescriptor file_;
};

// The file appears whole or not at all, and is on disk when this returns.
void write_file_durably(const std::filesystem::path& path, std::string_view bytes);
// The same promise to readers, but a power loss may lose it: for what can be made again.
void write_file_atomically(const std::filesystem::path& path, std::string_view bytes);

// Content of a file, or entries of a folder, to disk.
void fsync_path(const std::filesystem::path& path);
// Every file and folder below `path`, and `path` itself.
void fsync_tree(const std::filesystem::path& path);
void fsync_trees(const std::vector<std::filesystem::path>& paths);
// The same, while the caller does something else, such as hashing what is written; what is too
// small for that to pay is left alone. get() throws what went wrong.
std::future<void> start_fsync_tree(const std::filesystem::path& path);
// rename(2); the caller syncs the parent folders.
void rename_path(const std::filesystem::path& from, const std::filesystem::path& to);
// Removes a tree, read-only folders included. Nothing there is fine. Throws IoError.
void remove_tree(const std::filesystem::path& path);
// Removes all that is in a folder, which is made if it is missing.
void empty_folder(const std::filesystem::path& path);
void make_folders(const std::filesystem::path& path);
// Of all files in a tree. Nothing there is 0.
std::uint64_t tree_bytes(const std::filesystem::path& path);

}  // namespace lehr::runtime
