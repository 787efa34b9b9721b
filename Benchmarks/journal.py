#!/usr/bin/env python3
"""Measures what journal and checksums cost of a linear merge's processor time.

    make bench-journal                                    # 1.7 GB written, five runs; the first time two models are made: a minute or two
    make bench-journal ARGS='--family small --runs 3'     # seconds: tries the script

The run hashes every byte of its output once, for the journal and the manifest alike. What that takes is measured in the run itself: a
small library, made here with cc and loaded before the program's own, calls the hash functions of libxxhash between two looks at the
clock, and says at the end how long all calls took. To it comes the journal: as many records as the run had, written to a file. Both are
set beside the processor seconds of a run without that library, and the median of the runs must be 5 % at most. Linux only. Models are
kept in bench-output/, or the folder that BENCH_DIR names.
"""
import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import families

WEIR = Path(__file__).resolve().parent.parent / ".build/release/weir"
PIECE = 1 << 20
LIMIT = 0.05


# A call that waited for the processor is counted like the others, byte for byte: no call hashes for a millisecond.
SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
typedef struct { unsigned long long low, high; } hash;
static _Atomic long long spent, bytes, lost, calls;
static long long now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec * 1000000000LL + t.tv_nsec; }
static void note(long long took, size_t count) {
  if (took > 1000000) { lost += count; return; }
  spent += took; bytes += count; calls++;
}
int XXH3_128bits_update_dispatch(void *state, const void *input, size_t count) {
  static int (*next)(void *, const void *, size_t);
  if (!next) next = dlsym(RTLD_NEXT, "XXH3_128bits_update_dispatch");
  long long start = now();
  int code = next(state, input, count);
  note(now() - start, count);
  return code;
}
hash XXH3_128bits_dispatch(const void *input, size_t count) {
  static hash (*next)(const void *, size_t);
  if (!next) next = dlsym(RTLD_NEXT, "XXH3_128bits_dispatch");
  long long start = now();
  hash found = next(input, count);
  note(now() - start, count);
  return found;
}
__attribute__((destructor)) static void report(void) {
  long long start = now(), clocks = 0;
  for (int i = 0; i < 100000; i++) clocks += now() - start < 0;
  clocks = (now() - start) * calls / 100000;
  FILE *file = fopen(getenv("HASH_REPORT"), "w");
  if (file) fprintf(file, "%lld %lld %lld\n", spent - clocks, (long long)bytes, (long long)lost), fclose(file);
}
"""


def shim(folder):
    """Makes the library that times the hash functions."""
    source, library = Path(folder) / "shim.c", Path(folder) / "shim.so"
    source.write_text(SHIM, encoding="utf-8")
    subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    return library


def cpu_seconds(command):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def hash_seconds(library, command, byte_count):
    """Seconds that hashing takes in a run, which must hash every byte of its output."""
    report = library.with_name("report")
    subprocess.run(command, check=True, env=os.environ | {"LD_PRELOAD": str(library), "HASH_REPORT": str(report)})
    spent, counted, lost = map(int, report.read_text(encoding="utf-8").split())
    if counted + lost < 0.99 * byte_count:
        raise SystemExit(f"the run hashed {counted + lost} bytes of {byte_count}, expected all; does it call libxxhash otherwise now?")
    return spent / 1e9 * (counted + lost) / counted


def journal_seconds(place, byte_count):
    """Processor seconds that writing the journal's records takes: one for each block of 4 MiB, of four or five pieces."""
    record = bytes(13 + 5 * 24)
    with tempfile.TemporaryFile(dir=place, buffering=0) as file:
        start = time.thread_time()
        for number in range(byte_count // (4 * PIECE) + 1):
            os.pwrite(file.fileno(), record, number * len(record))
        return time.thread_time() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--family", choices=families.FAMILIES, default="m1b", help="the models that are merged (%(default)s)")
    arguments = parser.parse_args()
    if not WEIR.exists():
        raise SystemExit(f"{WEIR}: not built, expected the program; run 'make'")
    place = families.folder()
    models = [Path(families.family(place, arguments.family, models=("ft1", "ft2"))) / name for name in ("ft1", "ft2")]
    out = Path(place) / "journal-merged"
    command = [WEIR, "merge", "linear", *models, "-o", out, "--overwrite", "--fresh", "--quiet"]
    rows = []
    try:
        with tempfile.TemporaryDirectory() as folder:
            library = shim(folder)
            for number in range(arguments.runs):
                print(f"run {number + 1} of {arguments.runs}: ", end="", flush=True)
                run = cpu_seconds(command)
                size = families.size_of(families.shards(out))
                hashing, journal = hash_seconds(library, command, size), journal_seconds(place, size)
                rows.append((run, hashing, journal))
                print(f"{run:.2f} processor seconds, hashing {hashing:.3f}, journal {journal:.4f}: "
                      f"{100 * (hashing + journal) / run:.1f} %", flush=True)
    finally:
        families.remove(out)
    run, hashing, journal = (median(column) for column in zip(*rows))
    share = median((row[1] + row[2]) / row[0] for row in rows)
    print(f"linear of two, {size / 1e9:.2f} GB written: {run:.2f} processor seconds, of them hashing {hashing:.3f}, "
          f"journal {journal:.4f}: {100 * share:.1f} % (limit {100 * LIMIT:.0f} %)")
    return 0 if share <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
