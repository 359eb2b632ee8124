/* Preloaded into a run: kills the process named LEHR_CRASH_PROGRAM just before its call number
 * LEHR_CRASH_AT of those that change what is on disk (or told). */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static atomic_long calls;

static void count(void) {
  static long crash_at = -1;
  if (crash_at < 0) {
    const char* program = getenv("LEHR_CRASH_PROGRAM");
    const char* at = getenv("LEHR_CRASH_AT");
    crash_at = program && at && !strcmp(program, program_invocation_short_name) ? atol(at) : 0;
  }
  if (crash_at > 0 && atomic_fetch_add(&calls, 1) + 1 == crash_at) kill(getpid(), SIGKILL);
}

#define COUNTED(type, name, parameters, arguments)                 \
  type name parameters {                                           \
    static type(*real) parameters;                                 \
    if (!real) real = (type(*) parameters)dlsym(RTLD_NEXT, #name); \
    count();                                                       \
    return real arguments;                                         \
  }

COUNTED(ssize_t, write, (int fd, const void* data, size_t size), (fd, data, size))
COUNTED(ssize_t, writev, (int fd, const struct iovec* parts, int count_of), (fd, parts, count_of))
COUNTED(int, fsync, (int fd), (fd))
COUNTED(int, rename, (const char* from, const char* to), (from, to))
COUNTED(int, unlink, (const char* path), (path))
COUNTED(int, rmdir, (const char* path), (path))
COUNTED(int, remove, (const char* path), (path))
COUNTED(int, mkdir, (const char* path, mode_t mode), (path, mode))
COUNTED(int, truncate, (const char* path, off_t size), (path, size))
COUNTED(int, ftruncate, (int fd, off_t size), (fd, size))
