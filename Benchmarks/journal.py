#!/usr/bin/env python3
"""Measures what journal and checksums cost of a linear merge's processor time.

    make bench-journal                                    # 1.7 GB written, five runs; the first time two models are made: a minute or two
    make bench-journal ARGS='--family small --runs 3'     # seconds: tries the script

The run hashes every byte of its output once, for the journal and the manifest alike. That is timed by itself: a thread that does
nothing else hashes the bytes of the output by the library that the program uses, in pieces of a MiB, as the program does. To it comes
the journal: as many records as the run had, written to a file. Both are set beside the processor seconds of the run, and the
median of the runs must be 5 % at most. Models are kept in bench-output/, or the folder that BENCH_DIR names.
"""
import argparse
import ctypes
import ctypes.util
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


class Hash128(ctypes.Structure):
    _fields_ = [("low", ctypes.c_uint64), ("high", ctypes.c_uint64)]


def hash_function():
    """XXH3-128 as the program calls it: the variant that looks what the processor can do, where the library has it."""
    library = ctypes.CDLL(ctypes.util.find_library("xxhash") or "libxxhash.so.0")
    function = getattr(library, "XXH3_128bits_dispatch", None) or library.XXH3_128bits
    function.restype = Hash128
    function.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
    return function


def cpu_seconds(command):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def hash_seconds(function, files):
    """Processor seconds that hashing all bytes of some files takes, piece by piece; reading them is not counted."""
    seconds = 0.0
    buffer = bytearray(PIECE)
    address = ctypes.addressof((ctypes.c_char * PIECE).from_buffer(buffer))
    for path in files:
        with open(path, "rb", buffering=0) as file:
            while count := file.readinto(buffer):
                start = time.thread_time()
                function(address, count)
                seconds += time.thread_time() - start
    return seconds


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
    function = hash_function()
    place = families.folder()
    models = [Path(families.family(place, arguments.family, models=("ft1", "ft2"))) / name for name in ("ft1", "ft2")]
    out = Path(place) / "journal-merged"
    command = [WEIR, "merge", "linear", *models, "-o", out, "--overwrite", "--fresh", "--quiet"]
    rows = []
    try:
        for number in range(arguments.runs):
            print(f"run {number + 1} of {arguments.runs}: ", end="", flush=True)
            run = cpu_seconds(command)
            files = families.shards(out)
            size = families.size_of(files)
            hashing, journal = hash_seconds(function, files), journal_seconds(place, size)
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
