#pragma once
// What reading needs of the system and Swift's own C library overlay does not show, or shows differently per platform.
// Every function that can fail returns 0 (or a descriptor, or a count) on success and a negative errno on failure.
#include <stddef.h>
#include <stdint.h>

/// What an open descriptor leads to.
typedef struct {
  int64_t byte_count;
  uint64_t device;
  uint64_t inode;
  /// When the content was last changed, in nanoseconds since 1970.
  int64_t modified;
  int is_regular;
} weir_input_facts;

/// Opens a path as `open` does, closed on exec, whatever interruptions occur; raises this process's limit of open
/// files to the hard limit where the soft one is reached.
int weir_open(const char *path, int flags, unsigned mode);

/// Opens a file for reading without waiting (a pipe would make the caller wait).
int weir_open_input(const char *path, weir_input_facts *facts);

void weir_close_input(int fd);

/// Reads up to `count` bytes at `offset`; returns how many, less than `count` only at the end of the file.
int64_t weir_read_at(int fd, void *bytes, size_t count, int64_t offset);

/// 1 where the file lies on a network or user-space file system, on which page faults cost a round trip.
int weir_is_remote(int fd);

/// Maps a file's first `byte_count` bytes for reading; sets `base`.
int weir_map(int fd, size_t byte_count, void **base);

void weir_unmap(void *base, size_t byte_count);

size_t weir_page_size(void);

/// Has the file read ahead where pages at either end are not in the page cache, and maps the last page; -EFAULT where the file has become
/// too short for it. The others are mapped as they are touched, many by one fault, which is cheaper than looking at each of them here.
int weir_populate(void *base, size_t byte_count);

/// Makes pages an area of their own among the mapping's (`stands` 1), or part of their neighbours' again (0). Newer systems let one
/// fault map all that the page cache holds in one piece around the page, but never beyond an area's ends.
void weir_fence(void *base, size_t byte_count, int stands);

/// Lets go of pages; touching them again reads them again.
void weir_drop(void *base, size_t byte_count);

/// Watches a mapping: a page that the file has lost reads as zeros, and the loss is remembered, where otherwise
/// SIGBUS would end the process. Returns a number for the next two, or -ENOSPC where too many are watched.
int weir_guard(const void *base, size_t byte_count);

/// 1 where a page of the mapping was lost.
int weir_guard_tripped(int number);

/// Ends the watch; to be called before the mapping is undone.
void weir_unguard(int number);

/// A folder being listed.
typedef struct weir_listing weir_listing;

/// Opens a folder for listing; sets `listing`.
int weir_open_listing(const char *path, weir_listing **listing);

/// Sets `name` to the next name but `.` and `..`, valid until the next call, and returns 1; 0 at the end.
int weir_next_name(weir_listing *listing, const char **name);

void weir_close_listing(weir_listing *listing);
