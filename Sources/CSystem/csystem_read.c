#ifdef __linux__
#define _GNU_SOURCE
#endif
#include "csystem_read.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/vfs.h>
#else
#include <sys/mount.h>
#include <sys/param.h>
#endif

// Files

static void raise_descriptor_limit(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
#ifndef __linux__
  if (limit.rlim_cur > OPEN_MAX) limit.rlim_cur = OPEN_MAX;
#endif
  setrlimit(RLIMIT_NOFILE, &limit);
}

int weir_open(const char *path, int flags, unsigned mode) {
  int raised = 0;
  for (;;) {
    int fd = open(path, flags | O_CLOEXEC, (mode_t)mode);
    if (fd >= 0) return fd;
    if (errno == EINTR) continue;
    if (errno != EMFILE || raised) return -errno;
    // Tried again whoever raised it: another thread may have been first.
    raise_descriptor_limit();
    raised = 1;
  }
}

int weir_open_input(const char *path, weir_input_facts *facts) {
  int fd = weir_open(path, O_RDONLY | O_NONBLOCK, 0);
  if (fd < 0) return fd;
  struct stat status;
  if (fstat(fd, &status) != 0) {
    int error = errno;
    close(fd);
    return -error;
  }
  facts->byte_count = status.st_size;
  facts->device = (uint64_t)status.st_dev;
  facts->inode = (uint64_t)status.st_ino;
#ifdef __APPLE__
  const struct timespec modified = status.st_mtimespec;
#else
  const struct timespec modified = status.st_mtim;
#endif
  facts->modified = (int64_t)modified.tv_sec * 1000000000 + modified.tv_nsec;
  facts->is_regular = S_ISREG(status.st_mode);
  return fd;
}

void weir_close_input(int fd) { close(fd); }

int64_t weir_read_at(int fd, void *bytes, size_t count, int64_t offset) {
  size_t done = 0;
  while (done < count) {
    size_t step = count - done > (1 << 30) ? (size_t)1 << 30 : count - done;
    ssize_t got = pread(fd, (char *)bytes + done, step, offset + (int64_t)done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return -errno;
    if (got == 0) break;
    done += (size_t)got;
  }
  return (int64_t)done;
}

int weir_is_remote(int fd) {
  struct statfs status;
  if (fstatfs(fd, &status) != 0) return 0;
#ifdef __linux__
  switch ((uint32_t)status.f_type) {
  case 0x00006969: // NFS
  case 0x0000517B: // SMB
  case 0xFF534D42: // CIFS
  case 0xFE534D42: // SMB2
  case 0x01021997: // 9p
  case 0x65735546: // FUSE, virtiofs
  case 0x0BD00BD0: // Lustre
  case 0x00C36400: // Ceph
  case 0x5346414F: // AFS
  case 0x6B414653: // kAFS
  case 0x47504653: // GPFS
  case 0x73757245: // Coda
  case 0x19830326: // BeeGFS
  case 0xAAD7AAEA: // PanFS
    return 1;
  default:
    return 0;
  }
#else
  return (status.f_flags & MNT_LOCAL) == 0;
#endif
}

// Mappings

int weir_map(int fd, size_t byte_count, void **base) {
  void *place = mmap(NULL, byte_count, PROT_READ, MAP_SHARED, fd, 0);
  if (place == MAP_FAILED) return -errno;
  *base = place;
  return 0;
}

void weir_unmap(void *base, size_t byte_count) { munmap(base, byte_count); }

size_t weir_page_size(void) { return (size_t)sysconf(_SC_PAGESIZE); }

// Whether a page is in memory; 1 as well where the system does not say.
static int is_cached(void *page) {
#ifdef __linux__
  unsigned char found = 1;
#else
  char found = 1;
#endif
  return mincore(page, 1, &found) != 0 || (found & 1);
}

int weir_populate(void *base, size_t byte_count) {
  if (byte_count == 0) return 0;
  char *last = (char *)base + (byte_count - 1) / weir_page_size() * weir_page_size();
  if (!is_cached(base) || !is_cached(last)) madvise(base, byte_count, MADV_WILLNEED);
#ifdef __linux__
  // MADV_POPULATE_READ, since Linux 5.14; the C library's headers may be older than the system.
  int result;
  do {
    result = madvise(last, 1, 22);
  } while (result != 0 && (errno == EINTR || errno == EAGAIN));
  if (result != 0 && errno != EINVAL) return -errno;
#endif
  return 0;
}

void weir_fence(void *base, size_t byte_count, int stands) {
#ifdef __linux__
  // Whether pages belong in a core dump makes no difference to reading them, but the system keeps areas of either kind apart.
  madvise(base, byte_count, stands ? MADV_DONTDUMP : MADV_DODUMP);
#else
  (void)base, (void)byte_count, (void)stands;
#endif
}

void weir_drop(void *base, size_t byte_count) { madvise(base, byte_count, MADV_DONTNEED); }

// Watched mappings
//
// The handler of SIGBUS may interrupt anything, so it takes no lock: an entry is free while its end is 0, and the end
// is set last and cleared first.

enum { WATCH_LIMIT = 8192 };

static struct {
  _Atomic uintptr_t start;
  _Atomic uintptr_t end;
  _Atomic int tripped;
} watched[WATCH_LIMIT];

static _Atomic int watched_count = 0;
static pthread_mutex_t watch_lock = PTHREAD_MUTEX_INITIALIZER;
static int handler_installed = 0;
static struct sigaction earlier_action;
static uintptr_t page_mask;

static void lost_page(int signal, siginfo_t *info, void *context) {
  int saved = errno;
  uintptr_t address = (uintptr_t)info->si_addr;
  int count = atomic_load(&watched_count);
  for (int number = 0; number < count; number++) {
    uintptr_t end = atomic_load(&watched[number].end);
    if (address >= end || address < atomic_load(&watched[number].start)) continue;
    void *page = (void *)(address & page_mask);
    if (mmap(page, ~page_mask + 1, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != page) break;
    atomic_store(&watched[number].tripped, 1);
    errno = saved;
    return;
  }
  // Not ours: what was there before takes over, by the fault happening again or by being called.
  if ((earlier_action.sa_flags & SA_SIGINFO) && earlier_action.sa_sigaction) {
    earlier_action.sa_sigaction(signal, info, context);
  } else {
    sigaction(SIGBUS, &earlier_action, NULL);
    if (info->si_code <= 0) raise(SIGBUS); // sent by a process: nothing will fault again
  }
  errno = saved;
}

int weir_guard(const void *base, size_t byte_count) {
  pthread_mutex_lock(&watch_lock);
  if (!handler_installed) {
    size_t page = weir_page_size();
    page_mask = ~(uintptr_t)(page - 1);
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = lost_page;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART;
    sigemptyset(&action.sa_mask);
    sigaction(SIGBUS, &action, &earlier_action);
    handler_installed = 1;
  }
  int number = 0;
  while (number < WATCH_LIMIT && atomic_load(&watched[number].end) != 0) number++;
  if (number < WATCH_LIMIT) {
    uintptr_t start = (uintptr_t)base;
    atomic_store(&watched[number].tripped, 0);
    atomic_store(&watched[number].start, start);
    atomic_store(&watched[number].end, (start + byte_count + ~page_mask) & page_mask);
    if (number >= atomic_load(&watched_count)) atomic_store(&watched_count, number + 1);
  }
  pthread_mutex_unlock(&watch_lock);
  return number < WATCH_LIMIT ? number : -ENOSPC;
}

int weir_guard_tripped(int number) { return atomic_load_explicit(&watched[number].tripped, memory_order_relaxed); }

void weir_unguard(int number) {
  pthread_mutex_lock(&watch_lock);
  atomic_store(&watched[number].end, 0);
  pthread_mutex_unlock(&watch_lock);
}

// Folders

struct weir_listing {
  DIR *folder;
};

int weir_open_listing(const char *path, weir_listing **listing) {
  int fd = weir_open(path, O_RDONLY | O_DIRECTORY | O_NONBLOCK, 0);
  if (fd < 0) return fd;
  DIR *folder = fdopendir(fd);
  if (!folder) {
    int error = errno;
    close(fd);
    return -error;
  }
  *listing = malloc(sizeof **listing);
  if (!*listing) {
    closedir(folder);
    return -ENOMEM;
  }
  (*listing)->folder = folder;
  return 0;
}

int weir_next_name(weir_listing *listing, const char **name) {
  for (;;) {
    // Only this tells the end of the folder from a failure.
    errno = 0;
    struct dirent *entry = readdir(listing->folder);
    if (!entry) return errno == 0 ? 0 : -errno;
    *name = entry->d_name;
    if (strcmp(*name, ".") != 0 && strcmp(*name, "..") != 0) return 1;
  }
}

void weir_close_listing(weir_listing *listing) {
  closedir(listing->folder);
  free(listing);
}
