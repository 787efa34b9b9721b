// A layer between a program and the C library that lets one system call go wrong: loaded with LD_PRELOAD, it counts the
// calls of each class and, in the class and at the number that WEIR_FAULT names, fails instead of doing the work.
//
//   WEIR_FAULT=CLASS:KIND:NUMBER      the call of this number in this class, counted from 1
//   WEIR_FAULT=CLASS:KIND:NUMBER+     that one and all that follow
//   WEIR_FAULT_COUNTS=FILE            at the end one line per class: its name and how many calls there were
//
// Kinds: the name of an error number; 'short', which does half of a read or write; 'end', which lets a read find the
// end of the file; 'stop', which does the work and then stops the process (SIGSTOP), so that another one can change
// what it reads, and let it go on.
//
// Standard input, output and error are left alone, and so are small allocations: the language ends the process where
// one of those fails. Linux only.
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

enum {
  OPEN, PREAD, PWRITE, SYNC, RENAME, TRUNCATE, RESERVE, MKDIR, REMOVE, MAP, POPULATE, ALLOCATE, MALLOC, STATUS, SPACE, LOCK,
  CLOSE, LIST, THREAD, CLASSES
};

static const char *const class_names[CLASSES] = {
    "open",  "pread",    "pwrite",   "sync",   "rename", "truncate", "reserve", "mkdir", "remove", "map",
    "populate", "allocate", "malloc", "status", "space",  "lock",     "close",   "list",  "thread"};

// The size from which on an allocation counts.
static const size_t large = 1 << 16;

static atomic_long counts[CLASSES];
static int fault_class = -1;
static long fault_number = 0;
static int fault_stays = 0;
static int fault_errno = 0;
static enum { ERROR, SHORT, END, STOP } fault_kind = ERROR;
static char counts_path[4096];

static const struct {
  const char *name;
  int number;
} errors[] = {{"EIO", EIO},       {"ENOSPC", ENOSPC}, {"EINTR", EINTR},           {"ENOMEM", ENOMEM}, {"EMFILE", EMFILE},
              {"EACCES", EACCES}, {"EINVAL", EINVAL}, {"EOPNOTSUPP", EOPNOTSUPP}, {"EAGAIN", EAGAIN}, {"EFAULT", EFAULT},
              {"EROFS", EROFS},   {"EDQUOT", EDQUOT}, {"ESTALE", ESTALE},         {"ENOLCK", ENOLCK}};

static void refuse(const char *why) {
  fprintf(stderr, "faults: %s\n", why);
  _exit(99);
}

__attribute__((constructor)) static void read_wish(void) {
  const char *path = getenv("WEIR_FAULT_COUNTS");
  if (path) snprintf(counts_path, sizeof counts_path, "%s", path);
  const char *wish = getenv("WEIR_FAULT");
  if (!wish) return;
  char name[32], kind[32], stays = 0;
  int found = sscanf(wish, "%31[^:]:%31[^:]:%ld%c", name, kind, &fault_number, &stays);
  if (found < 3 || fault_number < 1 || (found == 4 && stays != '+')) refuse("WEIR_FAULT is not CLASS:KIND:NUMBER");
  fault_stays = found == 4;
  int class = 0;
  while (class < CLASSES && strcmp(class_names[class], name) != 0) class++;
  if (class == CLASSES) refuse("WEIR_FAULT names no class");
  if (strcmp(kind, "short") == 0) {
    fault_kind = SHORT;
  } else if (strcmp(kind, "end") == 0) {
    fault_kind = END;
  } else if (strcmp(kind, "stop") == 0) {
    fault_kind = STOP;
  } else {
    size_t count = sizeof errors / sizeof *errors, place = 0;
    while (place < count && strcmp(errors[place].name, kind) != 0) place++;
    if (place == count) refuse("WEIR_FAULT names no kind");
    fault_errno = errors[place].number;
  }
  fault_class = class;
}

__attribute__((destructor)) static void write_counts(void) {
  if (!counts_path[0]) return;
  fault_class = -1;
  long found[CLASSES];
  for (int class = 0; class < CLASSES; class++) found[class] = atomic_load(&counts[class]);
  FILE *file = fopen(counts_path, "w");
  if (!file) return;
  for (int class = 0; class < CLASSES; class++) fprintf(file, "%s %ld\n", class_names[class], found[class]);
  fclose(file);
}

// Whether this call is the one.
static int hit(int class) {
  long number = atomic_fetch_add(&counts[class], 1) + 1;
  return class == fault_class && (number == fault_number || (fault_stays && number > fault_number));
}

// Whether this call fails; sets errno then.
static int fails(int class) {
  if (!hit(class)) return 0;
  if (fault_kind != ERROR) return 0;
  errno = fault_errno;
  return 1;
}

#define NEXT(name) \
  static __typeof__(&name) next; \
  if (!next) next = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

// Opening

#define OPEN_FUNCTION(name) \
  int name(const char *path, int flags, ...) { \
    NEXT(name); \
    mode_t mode = 0; \
    if (flags & (O_CREAT | O_TMPFILE)) { \
      va_list rest; \
      va_start(rest, flags); \
      mode = va_arg(rest, mode_t); \
      va_end(rest); \
    } \
    return fails(OPEN) ? -1 : next(path, flags, mode); \
  }
OPEN_FUNCTION(open)
OPEN_FUNCTION(open64)

// Functions that are done or fail as a whole; a descriptor among the standard ones is left alone.

#define WHOLE(class, result, failed, name, parameters, arguments) \
  result name parameters { \
    NEXT(name); \
    return fails(class) ? failed : next arguments; \
  }

WHOLE(SYNC, int, -1, fsync, (int fd), (fd))
WHOLE(SYNC, int, -1, fdatasync, (int fd), (fd))
WHOLE(RENAME, int, -1, rename, (const char *from, const char *to), (from, to))
WHOLE(RENAME, int, -1, renameat2, (int a, const char *from, int b, const char *to, unsigned flags), (a, from, b, to, flags))
WHOLE(TRUNCATE, int, -1, ftruncate, (int fd, off_t size), (fd, size))
WHOLE(TRUNCATE, int, -1, ftruncate64, (int fd, off64_t size), (fd, size))
WHOLE(RESERVE, int, -1, fallocate, (int fd, int mode, off_t at, off_t size), (fd, mode, at, size))
WHOLE(RESERVE, int, -1, fallocate64, (int fd, int mode, off64_t at, off64_t size), (fd, mode, at, size))
WHOLE(MKDIR, int, -1, mkdir, (const char *path, mode_t mode), (path, mode))
WHOLE(REMOVE, int, -1, rmdir, (const char *path), (path))
WHOLE(REMOVE, int, -1, unlink, (const char *path), (path))
WHOLE(REMOVE, int, -1, remove, (const char *path), (path))
WHOLE(REMOVE, int, -1, nftw, (const char *path, __nftw_func_t call, int limit, int flags), (path, call, limit, flags))
WHOLE(STATUS, int, -1, fstat, (int fd, struct stat *status), (fd, status))
WHOLE(STATUS, int, -1, stat, (const char *path, struct stat *status), (path, status))
WHOLE(STATUS, int, -1, lstat, (const char *path, struct stat *status), (path, status))
WHOLE(STATUS, char *, NULL, realpath, (const char *path, char *buffer), (path, buffer))
WHOLE(SPACE, int, -1, statvfs, (const char *path, struct statvfs *room), (path, room))
WHOLE(SPACE, int, -1, fstatvfs, (int fd, struct statvfs *room), (fd, room))
WHOLE(SPACE, int, -1, fstatfs, (int fd, struct statfs *status), (fd, status))
// Letting go of a lock has no way to fail that matters.
int flock(int fd, int operation) {
  NEXT(flock);
  return operation != LOCK_UN && fails(LOCK) ? -1 : next(fd, operation);
}
WHOLE(LIST, DIR *, NULL, fdopendir, (int fd), (fd))
WHOLE(LIST, struct dirent *, NULL, readdir, (DIR *folder), (folder))

// A descriptor is closed even where closing reports an error.
int close(int fd) {
  NEXT(close);
  if (fd <= 2) return next(fd);
  int failed = fails(CLOSE), number = errno;
  int code = next(fd);
  if (!failed) return code;
  errno = number;
  return -1;
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *context) {
  NEXT(pthread_create);
  return fails(THREAD) ? fault_errno : next(thread, attributes, start, context);
}

// Reading and writing

#define TRANSFER(class, name, pointer, offset) \
  ssize_t name(int fd, pointer bytes, size_t count, offset at) { \
    NEXT(name); \
    if (fd <= 2 || !hit(class)) return next(fd, bytes, count, at); \
    if (fault_kind == SHORT) return next(fd, bytes, count > 1 ? count / 2 : count, at); \
    if (fault_kind == END) return 0; \
    if (fault_kind == STOP) { \
      ssize_t done = next(fd, bytes, count, at); \
      raise(SIGSTOP); \
      return done; \
    } \
    errno = fault_errno; \
    return -1; \
  }
TRANSFER(PREAD, pread, void *, off_t)
TRANSFER(PREAD, pread64, void *, off64_t)
TRANSFER(PWRITE, pwrite, const void *, off_t)
TRANSFER(PWRITE, pwrite64, const void *, off64_t)

// Memory

#define MAPPING(name, offset) \
  void *name(void *place, size_t size, int protection, int flags, int fd, offset at) { \
    NEXT(name); \
    return fails(flags & MAP_ANONYMOUS ? ALLOCATE : MAP) ? MAP_FAILED : next(place, size, protection, flags, fd, at); \
  }
MAPPING(mmap, off_t)
MAPPING(mmap64, off64_t)

// Only what brings pages in: what lets them go has no way to fail that matters.
int madvise(void *place, size_t size, int advice) {
  NEXT(madvise);
  if (advice != 22 || !hit(POPULATE)) return next(place, size, advice);
  if (fault_kind == STOP) {
    int code = next(place, size, advice);
    raise(SIGSTOP);
    return code;
  }
  errno = fault_errno;
  return -1;
}

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

void *malloc(size_t size) { return size >= large && fails(MALLOC) ? NULL : __libc_malloc(size); }

void *calloc(size_t count, size_t size) {
  return size > 0 && count >= large / size && fails(MALLOC) ? NULL : __libc_calloc(count, size);
}

void *realloc(void *old, size_t size) { return size >= large && fails(MALLOC) ? NULL : __libc_realloc(old, size); }

int posix_memalign(void **result, size_t alignment, size_t size) {
  if (size >= large && fails(MALLOC)) return ENOMEM;
  *result = __libc_memalign(alignment, size);
  return *result ? 0 : ENOMEM;
}

void *aligned_alloc(size_t alignment, size_t size) {
  return size >= large && fails(MALLOC) ? NULL : __libc_memalign(alignment, size);
}
