#!/usr/bin/env python3
"""Measures what journal and checksums cost of a linear merge's processor time.

    make bench-journal ARGS='--runs 5'

The run hashes every byte of its output once, for the journal and the manifest alike. That is timed by itself: libxxhash, the
library that the program uses, on the bytes of the output in pieces of a MiB, as the program hashes them. To it comes the
journal: as many records as it has, written to a file. Both are set beside the processor seconds of the run.
"""
import argparse
import ctypes
import ctypes.util
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

HERE = Path(__file__).resolve().parent
WEIR = HERE.parent / ".build/release/weir"
# Layers, hidden, intermediate, vocabulary, key-value width, heads, key-value heads, shards, fine-tunes: 0.85 B parameters, as in bench.py.
FAMILY = [16, 2048, 5632, 32000, 512, 32, 8, 2, 2]
PIECE = 1 << 20


def cpu_seconds(command):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


class Hash128(ctypes.Structure):
    _fields_ = [("low", ctypes.c_uint64), ("high", ctypes.c_uint64)]


def hash_seconds(library, files):
    """Processor seconds that hashing all bytes of some files takes, piece by piece; reading them is not counted."""
    seconds = 0.0
    buffer = bytearray(PIECE)
    address = (ctypes.c_char * PIECE).from_buffer(buffer)
    for path in files:
        with open(path, "rb", buffering=0) as file:
            while count := file.readinto(buffer):
                start = time.thread_time()
                library.XXH3_128bits(address, count)
                seconds += time.thread_time() - start
    return seconds


def journal_seconds(folder, byte_count):
    """Processor seconds that writing the journal's records takes: one for each block of 4 MiB, of four or five pieces."""
    seconds, record = 0.0, bytes(13 + 5 * 24)
    with open(folder / "journal", "wb", buffering=0) as file:
        start = time.thread_time()
        for number in range(byte_count // (4 * PIECE) + 1):
            os.pwrite(file.fileno(), record, number * len(record))
        seconds += time.thread_time() - start
    return seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="where models are made and kept (default: a temporary folder)")
    arguments = parser.parse_args()
    library = ctypes.CDLL(ctypes.util.find_library("xxhash") or "libxxhash.so.0")
    library.XXH3_128bits.restype = Hash128
    library.XXH3_128bits.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
    folder = arguments.folder or Path(tempfile.mkdtemp(prefix="weir-journal-"))
    folder.mkdir(exist_ok=True)
    try:
        if not (folder / "ft2").exists():
            subprocess.run([sys.executable, HERE / "make_family.py", folder, *map(str, FAMILY)], check=True, stdout=subprocess.DEVNULL)
        out = folder / "merged"
        command = [WEIR, "merge", "linear", folder / "ft1", folder / "ft2", "-o", out, "--overwrite", "--quiet"]
        rows = []
        for _ in range(arguments.runs):
            run = cpu_seconds(command)
            files = sorted(out.glob("*.safetensors"))
            size = sum(file.stat().st_size for file in files)
            rows.append((run, hash_seconds(library, files), journal_seconds(folder, size)))
        run, hashing, journal = (median(column) for column in zip(*rows))
        share = median((row[1] + row[2]) / row[0] for row in rows)
        print(f"linear of two, {size / 1e9:.2f} GB written: {run:.2f} processor seconds, of them hashing {hashing:.3f}, "
              f"journal {journal:.4f}: {100 * share:.1f} % (limit 5 %)")
        return 0 if share <= 0.05 else 1
    finally:
        if not arguments.folder:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
