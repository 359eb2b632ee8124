#include "runtime/store/lease.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdio>

namespace lehr::runtime {
namespace fs = std::filesystem;

std::optional<Lease> Lease::try_take(const fs::path& work_folder, const fs::path& spare) {
  const fs::path path = work_folder / "lease";
  if (!spare.empty())
    ::rename(spare.c_str(), work_folder.c_str());  // never onto what holds a lease
  while (true) {
    make_folders(work_folder);
    FileDescriptor file;
    try {
      file = open_file(path, O_RDWR | O_CREAT, 0666);  // the umask says who may go on with it
    } catch (const IoError& e) {
      if (e.error_number == ENOENT) continue;  // whoever finished removed the folder just now
      throw;
    }
    if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno == EWOULDBLOCK || errno == EINTR) return std::nullopt;
      throw IoError("cannot lock", path, errno);
    }
    // The lock is worth something only if the file is still the one in the folder.
    struct stat locked {
    }, present{};
    if (::fstat(file.get(), &locked) == 0 && ::stat(path.c_str(), &present) == 0 &&
        locked.st_ino == present.st_ino && locked.st_dev == present.st_dev)
      return Lease(std::move(file));
  }
}

bool Lease::held(const fs::path& work_folder) {
  const FileDescriptor file(::open((work_folder / "lease").c_str(), O_RDONLY | O_CLOEXEC));
  return file && ::flock(file.get(), LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
}

}  // namespace lehr::runtime
