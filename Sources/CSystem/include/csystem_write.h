#pragma once
// What writing needs of the system and Swift's own C library overlay does not show, or shows differently per platform.
// Every function that can fail returns 0 (or a descriptor) on success and a negative errno on failure.
#include <stddef.h>
#include <stdint.h>

/// What a path leads to.
typedef enum { WEIR_OTHER = 0, WEIR_FILE = 1, WEIR_FOLDER = 2, WEIR_LINK = 3 } weir_path_kind;

typedef struct {
  int64_t byte_count;
  uint64_t device;
  uint64_t inode;
  /// When its content was last changed, in nanoseconds since 1970.
  int64_t modified;
  weir_path_kind kind;
} weir_path_facts;

/// Fills `facts` for a path; a link itself is described unless `follow` is not 0.
int weir_path_facts_of(const char *path, int follow, weir_path_facts *facts);

/// Creates a file that must not exist, for reading and writing, with the permissions that the umask leaves.
int weir_create_file(const char *path);

/// Turns unbuffered writing on or off for an open descriptor; fails where the file system has no such thing.
int weir_set_direct(int fd, int on);

/// Gives the file its size and reserves room for it; a file system that cannot reserve gets the size only.
int weir_preallocate(int fd, int64_t byte_count);

/// Writes all of the bytes at `offset`, whatever interruptions and short writes occur.
int weir_write_at(int fd, const void *bytes, size_t count, int64_t offset);

/// Forces a file's or folder's content to the device.
int weir_sync(int fd);

/// Opens (making it if need be) and locks a file for this process alone; -EWOULDBLOCK where another holds the lock,
/// -ESTALE where the file was removed while the lock was being taken.
int weir_lock_file(const char *path);

/// Lets go of a lock and closes its file.
void weir_unlock_file(int fd);

/// Renames, failing with -EEXIST where `to` exists (an empty folder included).
int weir_rename_new(const char *from, const char *to);

/// Exchanges two paths in one step; -ENOTSUP where the system or the file system cannot.
int weir_rename_swap(const char *from, const char *to);

/// Removes a file, or a folder and all below it; links are removed, not followed. A missing path is no failure.
int weir_remove_tree(const char *path);

/// Bytes that this user may still write on the file system of `path`.
int64_t weir_free_bytes(const char *path);
