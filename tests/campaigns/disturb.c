/* Preloaded into lehr and lehr-host: disturbs one of their calls, or remembers what has reached the disk.
 *
 *   LEHR_DISTURB_PROGRAM  disturb only the program of this name (lehr, lehr-host)
 *   LEHR_DISTURB_STAGE    ... from the moment its standard input, a socket, holds this text: a stage host begins
 *                         before it is told its stage
 *   LEHR_DISTURB_CALLS    the kinds of calls that are counted (enum below), comma separated
 *   LEHR_DISTURB_AT       number of the disturbed call, from 1; 0: only count
 *   LEHR_DISTURB_DO       kill: die just before it; lights-out: with the parent; short: read or write only half;
 *                         a number: fail with this errno
 *   LEHR_DISTURB_STICKY   1: every call from that one on
 *   LEHR_DISTURB_COUNT    file whose first 8 bytes receive the number of calls counted
 *   LEHR_DISTURB_SYNCED   folder that receives what fsync made durable below LEHR_DISTURB_ROOT: f<inode>, a file's
 *                         content; d<inode>, a folder's entries "<inode> <mode> <name>", one a line
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum Kind { kWrite, kRead, kOpen, kSync, kRename, kRemove, kMake, kCut, kLink, kList, kLock, kPipe, kMap, kStat, kCopy, kNew };
static const char* const kNames[] = {"write", "read", "open", "sync", "rename", "remove", "make", "cut",
                                     "link",  "list", "lock", "pipe", "map",    "stat",   "copy", "new"};

static unsigned counted_kinds; /* bit per kind; 0 until the constructor has run, or in another process */
static unsigned awaited_kinds; /* what they will be once the process is told its stage */
static long disturbed_at;
static int sticky, failure; /* failure: an errno, or one of the next */
enum { kKill = -1, kLightsOut = -2, kShort = -3 };
static atomic_long own_count;
static atomic_long* count_cell = &own_count;
static uintptr_t program_begin, program_end; /* its code */
static const char *synced_folder, *synced_root;
static __thread int inside; /* our own calls are none of theirs */

static int concerns_this_process(void) {
  const char* program = getenv("LEHR_DISTURB_PROGRAM");
  return program && !strcmp(program, program_invocation_short_name);
}

/* Before what is on the standard input is read. */
static void look_for_stage(void) {
  static char text[1 << 16];
  const ssize_t size = recv(STDIN_FILENO, text, sizeof text, MSG_PEEK);
  const char* stage = getenv("LEHR_DISTURB_STAGE");
  if (size > 0 && memmem(text, (size_t)size, stage, strlen(stage))) counted_kinds = awaited_kinds;
  awaited_kinds = 0;
}

static int find_program(struct dl_phdr_info* object, size_t size, void* nothing) {
  (void)size, (void)nothing;
  for (unsigned i = 0; i < object->dlpi_phnum; ++i) {
    const ElfW(Phdr)* part = &object->dlpi_phdr[i];
    if (part->p_type != PT_LOAD || !(part->p_flags & PF_X)) continue;
    program_begin = object->dlpi_addr + part->p_vaddr;
    program_end = program_begin + part->p_memsz;
  }
  return 1; /* it is the first */
}

__attribute__((constructor)) static void set_up(void) {
  inside = 1;
  dl_iterate_phdr(find_program, NULL);
  synced_root = getenv("LEHR_DISTURB_ROOT");
  synced_folder = synced_root ? getenv("LEHR_DISTURB_SYNCED") : NULL;
  const char *calls = getenv("LEHR_DISTURB_CALLS"), *at = getenv("LEHR_DISTURB_AT");
  const char *what = getenv("LEHR_DISTURB_DO"), *count = getenv("LEHR_DISTURB_COUNT");
  if (calls && concerns_this_process()) {
    if (count) {
      const int fd = open(count, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
      if (fd >= 0 && ftruncate(fd, sizeof own_count) == 0) {
        void* cell = mmap(NULL, sizeof own_count, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (cell != MAP_FAILED) count_cell = cell;
      }
      if (fd >= 0) close(fd);
    }
    disturbed_at = at ? atol(at) : 0;
    sticky = getenv("LEHR_DISTURB_STICKY") != NULL;
    failure = !what                        ? 0
              : !strcmp(what, "kill")       ? kKill
              : !strcmp(what, "lights-out") ? kLightsOut
              : !strcmp(what, "short")      ? kShort
                                            : atoi(what);
    unsigned kinds = 0;
    for (unsigned k = 0; k < sizeof kNames / sizeof *kNames; ++k) {
      const char* found = strstr(calls, kNames[k]);
      const size_t size = strlen(kNames[k]);
      if (found && (found == calls || found[-1] == ',') && (!found[size] || found[size] == ',')) kinds |= 1u << k;
    }
    *(getenv("LEHR_DISTURB_STAGE") ? &awaited_kinds : &counted_kinds) = kinds;
  }
  inside = 0;
}

/* Counts the call; the errno to fail with, kShort, or 0. */
static int disturbance(enum Kind kind) {
  if (!(counted_kinds >> kind & 1) || inside) return 0;
  const long number = atomic_fetch_add(count_cell, 1) + 1;
  if (!disturbed_at || (sticky ? number < disturbed_at : number != disturbed_at)) return 0;
  if (failure == kLightsOut && !strcmp(program_invocation_short_name, "lehr-host")) kill(getppid(), SIGKILL);
  if (failure == kLightsOut || failure == kKill) kill(getpid(), SIGKILL);
  return failure;
}

static void* real(const char* name) { return dlsym(RTLD_NEXT, name); }

#define REAL(type, name, parameters)        \
  static type(*real_##name) parameters;     \
  if (!real_##name) real_##name = real(#name)

#define DISTURBED(kind, type, failed, name, parameters, arguments) \
  type name parameters {                                           \
    REAL(type, name, parameters);                                  \
    const int why = disturbance(kind);                             \
    if (why > 0) {                                                 \
      errno = why;                                                 \
      return failed;                                               \
    }                                                              \
    return real_##name arguments;                                  \
  }

/* Reads and writes, which can also be short. */
#define DISTURBED_TRANSFER(kind, name, pointer, more_parameters, more_arguments) \
  ssize_t name(int fd, pointer data, size_t size more_parameters) {              \
    REAL(ssize_t, name, (int, pointer, size_t more_parameters));                 \
    if (awaited_kinds && fd == STDIN_FILENO) look_for_stage();                   \
    const int why = disturbance(kind);                                           \
    if (why > 0) {                                                               \
      errno = why;                                                               \
      return -1;                                                                 \
    }                                                                            \
    return real_##name(fd, data, why == kShort && size > 1 ? size / 2 : size more_arguments); \
  }
#define COMMA ,
#define NOTHING
DISTURBED_TRANSFER(kWrite, write, const void*, NOTHING, NOTHING)
DISTURBED_TRANSFER(kWrite, pwrite, const void*, COMMA off_t offset, COMMA offset)
DISTURBED_TRANSFER(kRead, read, void*, NOTHING, NOTHING)
DISTURBED_TRANSFER(kRead, pread, void*, COMMA off_t offset, COMMA offset)

DISTURBED(kWrite, ssize_t, -1, writev, (int fd, const struct iovec* parts, int count), (fd, parts, count))
DISTURBED(kCopy, ssize_t, -1, sendfile, (int to, int from, off_t* offset, size_t size), (to, from, offset, size))
DISTURBED(kRename, int, -1, rename, (const char* from, const char* to), (from, to))
DISTURBED(kRename, int, -1, renameat, (int a, const char* from, int b, const char* to), (a, from, b, to))
DISTURBED(kRemove, int, -1, unlink, (const char* path), (path))
DISTURBED(kRemove, int, -1, unlinkat, (int at, const char* path, int flags), (at, path, flags))
DISTURBED(kRemove, int, -1, rmdir, (const char* path), (path))
DISTURBED(kRemove, int, -1, remove, (const char* path), (path))
DISTURBED(kMake, int, -1, mkdir, (const char* path, mode_t mode), (path, mode))
DISTURBED(kCut, int, -1, truncate, (const char* path, off_t size), (path, size))
DISTURBED(kCut, int, -1, ftruncate, (int fd, off_t size), (fd, size))
DISTURBED(kLink, int, -1, link, (const char* from, const char* to), (from, to))
DISTURBED(kLink, int, -1, symlink, (const char* from, const char* to), (from, to))
DISTURBED(kList, DIR*, NULL, opendir, (const char* path), (path))
DISTURBED(kList, DIR*, NULL, fdopendir, (int fd), (fd))
DISTURBED(kList, struct dirent*, NULL, readdir, (DIR * folder), (folder))
DISTURBED(kLock, int, -1, flock, (int fd, int how), (fd, how))
DISTURBED(kPipe, int, -1, pipe2, (int ends[2], int flags), (ends, flags))
DISTURBED(kPipe, int, -1, socketpair, (int a, int b, int c, int ends[2]), (a, b, c, ends))
DISTURBED(kMap, void*, MAP_FAILED, mmap, (void* at, size_t size, int access, int flags, int fd, off_t offset),
          (at, size, access, flags, fd, offset))
DISTURBED(kStat, int, -1, stat, (const char* path, struct stat* out), (path, out))
DISTURBED(kStat, int, -1, lstat, (const char* path, struct stat* out), (path, out))
DISTURBED(kStat, int, -1, fstat, (int fd, struct stat* out), (fd, out))
DISTURBED(kStat, int, -1, statvfs, (const char* path, struct statvfs* out), (path, out))
DISTURBED(kOpen, FILE*, NULL, fopen, (const char* path, const char* mode), (path, mode))
DISTURBED(kOpen, FILE*, NULL, fopen64, (const char* path, const char* mode), (path, mode))

#define DISTURBED_OPEN(name, at_parameter, at_argument)                      \
  int name(at_parameter const char* path, int flags, ...) {                  \
    REAL(int, name, (at_parameter const char*, int, ...));                   \
    va_list rest;                                                            \
    va_start(rest, flags);                                                   \
    const mode_t mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(rest, mode_t) : 0; \
    va_end(rest);                                                            \
    const int why = disturbance(kOpen);                                      \
    if (why > 0) {                                                           \
      errno = why;                                                           \
      return -1;                                                             \
    }                                                                        \
    return real_##name(at_argument path, flags, mode);                       \
  }
DISTURBED_OPEN(open, NOTHING, NOTHING)
DISTURBED_OPEN(open64, NOTHING, NOTHING)
DISTURBED_OPEN(openat, int folder COMMA, folder COMMA)
DISTURBED_OPEN(openat64, int folder COMMA, folder COMMA)

/* Only what the program itself asks for: the libraries around it are not ours. That is where an `operator new` that the
 * program defines, instead of the one below, gets its memory from. */
extern void* __libc_malloc(size_t size);
void* malloc(size_t size) {
  const uintptr_t caller = (uintptr_t)__builtin_return_address(0);
  if (caller < program_begin || caller >= program_end || disturbance(kNew) <= 0) return __libc_malloc(size);
  errno = ENOMEM;
  return NULL;
}

/* operator new: throws as the real one does. C++ exceptions pass through this file (-fexceptions). */
static void* allocate(size_t size) {
  void* memory = disturbance(kNew) > 0 ? NULL : malloc(size ? size : 1);
  if (!memory) ((void (*)(void))real("_ZSt17__throw_bad_allocv"))();
  return memory;
}
void* _Znwm(size_t size) { return allocate(size); }
void* _Znam(size_t size) { return allocate(size); }

static void remember_folder(const char* path, FILE* out) {
  DIR* folder = opendir(path);
  if (!folder) return;
  for (struct dirent* entry; (entry = readdir(folder));) {
    struct stat info;
    if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
    if (fstatat(dirfd(folder), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) == 0)
      fprintf(out, "%lu %o %s\n", (unsigned long)info.st_ino, (unsigned)info.st_mode, entry->d_name);
  }
  closedir(folder);
}

static void remember_file(int fd, FILE* out) {
  char link[64], bytes[1 << 16];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd); /* fd itself may be for writing only */
  const int again = open(link, O_RDONLY | O_CLOEXEC);
  for (ssize_t n; (n = read(again, bytes, sizeof bytes)) > 0;) fwrite(bytes, 1, (size_t)n, out);
  close(again);
}

static void remember(int fd) {
  char link[64], path[4096], name[4200], temporary[4300];
  struct stat info;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t size = readlink(link, path, sizeof path - 1);
  if (size < 0 || fstat(fd, &info) != 0) return;
  path[size] = '\0';
  if (strncmp(path, synced_root, strlen(synced_root))) return;
  snprintf(name, sizeof name, "%s/%c%lu", synced_folder, S_ISDIR(info.st_mode) ? 'd' : 'f', (unsigned long)info.st_ino);
  snprintf(temporary, sizeof temporary, "%s.%ld", name, (long)syscall(SYS_gettid));
  FILE* out = fopen(temporary, "we");
  if (!out) return;
  if (S_ISDIR(info.st_mode))
    remember_folder(path, out);
  else
    remember_file(fd, out);
  fclose(out);
  rename(temporary, name);
}

#define DISTURBED_SYNC(name)                    \
  int name(int fd) {                            \
    REAL(int, name, (int));                     \
    const int why = disturbance(kSync);         \
    if (why > 0) {                              \
      errno = why;                              \
      return -1;                                \
    }                                           \
    const int done = real_##name(fd);           \
    if (done == 0 && synced_folder && !inside) { \
      inside = 1;                               \
      remember(fd);                             \
      inside = 0;                               \
    }                                           \
    return done;                                \
  }
DISTURBED_SYNC(fsync)
DISTURBED_SYNC(fdatasync)
