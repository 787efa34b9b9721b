#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "csystem_write.h"
#include "csystem_read.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static void describe(const struct stat *status, weir_path_facts *facts) {
  facts->byte_count = (int64_t)status->st_size;
  facts->device = (uint64_t)status->st_dev;
  facts->inode = (uint64_t)status->st_ino;
#if defined(__APPLE__)
  const struct timespec modified = status->st_mtimespec;
#else
  const struct timespec modified = status->st_mtim;
#endif
  facts->modified = (int64_t)modified.tv_sec * 1000000000 + modified.tv_nsec;
  facts->kind = S_ISREG(status->st_mode)   ? WEIR_FILE
                : S_ISDIR(status->st_mode) ? WEIR_FOLDER
                : S_ISLNK(status->st_mode) ? WEIR_LINK
                                           : WEIR_OTHER;
}

int weir_path_facts_of(const char *path, int follow, weir_path_facts *facts) {
  struct stat status;
  if ((follow ? stat(path, &status) : lstat(path, &status)) != 0) return -errno;
  describe(&status, facts);
  return 0;
}

int weir_create_file(const char *path) {
  return weir_open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0666);
}

int weir_set_direct(int fd, int on) {
#if defined(__APPLE__)
  return fcntl(fd, F_NOCACHE, on) == 0 ? 0 : -errno;
#elif defined(O_DIRECT)
  // Set after opening: an open that creates and then refuses O_DIRECT would leave the file behind.
  int flags = fcntl(fd, F_GETFL);
  if (flags < 0) return -errno;
  return fcntl(fd, F_SETFL, on ? flags | O_DIRECT : flags & ~O_DIRECT) == 0 ? 0 : -errno;
#else
  return on ? -ENOTSUP : 0;
#endif
}

int weir_preallocate(int fd, int64_t byte_count) {
  if (byte_count == 0) return 0;
  // Asked first, because a reservation that cannot succeed would fill the disk before it fails.
  // What a file of an earlier run has already is not needed again.
  struct stat status;
  int64_t held = fstat(fd, &status) == 0 ? (int64_t)status.st_blocks * 512 : 0;
  struct statvfs room;
  if (byte_count > held && fstatvfs(fd, &room) == 0 && room.f_blocks > 0 && room.f_frsize > 0 &&
      (uint64_t)(byte_count - held) / room.f_frsize > (uint64_t)room.f_bavail)
    return -ENOSPC;
  int code;
#if defined(__APPLE__)
  fstore_t store = {F_ALLOCATEALL, F_PEOFPOSMODE, 0, (off_t)byte_count, 0};
  code = fcntl(fd, F_PREALLOCATE, &store) == 0 ? 0 : errno;
  if (code == ENOSPC) return -code;
#else
  do {
    code = fallocate(fd, 0, 0, (off_t)byte_count) == 0 ? 0 : errno;
  } while (code == EINTR);
  if (code == 0) return 0;
  if (code != EOPNOTSUPP && code != ENOSYS && code != EINVAL) return -code;
#endif
  do {
    code = ftruncate(fd, (off_t)byte_count) == 0 ? 0 : errno;
  } while (code == EINTR);
  return -code;
}

int weir_write_at(int fd, const void *bytes, size_t count, int64_t offset) {
  const char *next = bytes;
  while (count > 0) {
    ssize_t written = pwrite(fd, next, count, (off_t)offset);
    if (written < 0) {
      if (errno == EINTR) continue;
      return -errno;
    }
    if (written == 0) return -EIO;
    next += written;
    count -= (size_t)written;
    offset += written;
  }
  return 0;
}

int weir_sync(int fd) {
#if defined(__APPLE__)
  // fsync alone leaves the bytes in the drive's own cache there.
  if (fcntl(fd, F_FULLFSYNC) == 0) return 0;
#endif
  int code;
  do {
    code = fsync(fd) == 0 ? 0 : errno;
  } while (code == EINTR);
  // Some file systems have nothing to force for a folder and say so.
  return code == EINVAL || code == ENOTSUP ? 0 : -code;
}

int weir_lock_file(const char *path) {
  int fd = weir_open(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0666);
  if (fd < 0) return fd;
  int code;
  do {
    code = flock(fd, LOCK_EX | LOCK_NB) == 0 ? 0 : errno;
  } while (code == EINTR);
  // A file system without locks cannot guard anything; writing to it is still allowed.
  if (code == ENOTSUP || code == ENOSYS || code == ENOLCK) return fd;
  struct stat held, named;
  if (code == 0 && fstat(fd, &held) != 0) code = errno;
  if (code == 0 &&
      (stat(path, &named) != 0 || held.st_ino != named.st_ino || held.st_dev != named.st_dev))
    code = ESTALE;
  if (code == 0) return fd;
  close(fd);
  return -code;
}

void weir_unlock_file(int fd) {
  // Closing alone leaves the lock to a child that another thread has just forked, until that runs its program.
  flock(fd, LOCK_UN);
  close(fd);
}

int weir_rename_new(const char *from, const char *to) {
#if defined(__APPLE__)
  if (renamex_np(from, to, RENAME_EXCL) == 0) return 0;
#else
  if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0) return 0;
#endif
  if (errno != EINVAL && errno != ENOSYS && errno != ENOTSUP) return -errno;
  struct stat status;
  if (lstat(to, &status) == 0) return -EEXIST;
  if (errno != ENOENT) return -errno;
  return rename(from, to) == 0 ? 0 : -errno;
}

int weir_rename_swap(const char *from, const char *to) {
#if defined(__APPLE__)
  if (renamex_np(from, to, RENAME_SWAP) == 0) return 0;
#else
  if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_EXCHANGE) == 0) return 0;
#endif
  return errno == EINVAL || errno == ENOSYS ? -ENOTSUP : -errno;
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *place) {
  (void)status;
  (void)type;
  (void)place;
  return remove(path) == 0 || errno == ENOENT ? 0 : errno;
}

int weir_remove_tree(const char *path) {
  int code = nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
  if (code == 0) return 0;
  if (code < 0) code = errno;
  return code == ENOENT ? 0 : -code;
}

int64_t weir_free_bytes(const char *path) {
  struct statvfs room;
  if (statvfs(path, &room) != 0) return -errno;
  // Some network file systems know no sizes and report no blocks at all.
  if (room.f_blocks == 0) return -ENOTSUP;
  uint64_t bytes;
  if (__builtin_mul_overflow((uint64_t)room.f_bavail, (uint64_t)room.f_frsize, &bytes)) return INT64_MAX;
  return bytes > INT64_MAX ? INT64_MAX : (int64_t)bytes;
}
