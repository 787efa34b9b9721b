"""The floor: the least time in which this machine reads a row's inputs and writes as many bytes as its output has.

Also what both sides of a pair need: files in the page cache, or out of it, and a command measured from outside.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
DROP = "/proc/sys/vm/drop_caches"


def cores():
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def build(place):
    """Compiles iofloor with a thread per core; returns the program."""
    threads = min(cores(), 16)
    program, source = os.path.join(place, f"iofloor-{threads}"), os.path.join(HERE, "iofloor.c")
    if not os.path.exists(program) or os.path.getmtime(program) < os.path.getmtime(source):
        compiler = os.environ.get("CC") or shutil.which("cc") or shutil.which("clang") or sys.exit("bench: no C compiler is on the PATH")
        subprocess.run([compiler, "-O3", "-pthread", f"-DTHREADS={threads}", source, "-o", program], check=True)
    return program


def seconds(program, place, output_bytes, inputs):
    """Runs the floor once: reads and writes interleaved."""
    said = subprocess.run([program, "--overlapped", os.path.join(place, "floor"), str(output_bytes), *inputs],
                          check=True, capture_output=True, text=True).stdout
    # Thousandths of a second are printed, which on a tiny family may be none.
    return max(float(re.search(r"overlapped ([\d.]+) s", said)[1]), 1e-3)


def warm(paths):
    """Reads files once, so that they are in the page cache."""
    buffer = bytearray(4 << 20)
    for path in dict.fromkeys(paths):
        with open(path, "rb", buffering=0) as file:
            while file.readinto(buffer):
                pass


def may_drop():
    return os.access(DROP, os.W_OK)


def cool(paths, drop):
    """Takes files out of the page cache: all files of the machine where `drop`, else these, as far as the kernel follows the advice."""
    if drop:
        os.sync()
        with open(DROP, "w") as file:
            file.write("1")
        return
    if not hasattr(os, "posix_fadvise"):
        sys.exit("bench: this system cannot take files out of its cache; run without --cold")
    for path in dict.fromkeys(paths):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(descriptor)


def measured(command, **more):
    """Runs a command that must succeed; returns what it took, as measure.py reports it."""
    with tempfile.NamedTemporaryFile(suffix=".json") as report:
        launcher = [sys.executable, "-IS", os.path.join(HERE, "measure.py"), report.name]
        result = subprocess.run(launcher + command, capture_output=True, text=True, **more)
        if result.returncode:
            sys.exit(f"bench: '{' '.join(command)}' ended with exit code {result.returncode}: {result.stderr.strip()[-2000:]}")
        return json.load(report) | {"said": result.stdout}
