"""Counts instructions, which do not depend on what else a machine does: by perf where the processor's counter is there, else by callgrind.

perf counts a run on the benchmark's own family. callgrind runs programs some fifty times slower, so that it takes the difference
between two small families of equally many tensors, which also leaves out what a program and a tensor cost in any case; it knows no
AVX-512, so that what it counts are the kernels for AVX2.
"""
import functools
import os
import re
import shutil
import subprocess
import sys
import tempfile

import families
import rows

SMALLER, LARGER = "half", "small"


def by_perf(command):
    """The instructions of a command in user mode, or None where they cannot be counted."""
    if not shutil.which("perf"):
        return None
    with tempfile.NamedTemporaryFile(suffix=".csv", mode="r") as report:
        result = subprocess.run(["perf", "stat", "-x", ",", "-e", "instructions:u", "-o", report.name, "--", *command],
                                capture_output=True, text=True)
        found = re.search(r"^(\d+)[^,]*,", report.read(), re.MULTILINE)
    return int(found[1]) if found and result.returncode == 0 else None


@functools.cache
def stripped(program, place):
    """A copy of a program without debugging information, of which valgrind cannot read all that Swift writes."""
    copy = os.path.join(place, "stripped-" + os.path.basename(program))
    shutil.copy(program, copy)
    subprocess.run(["strip", copy], check=True)
    return copy


def by_callgrind(command):
    """The instructions of a command as valgrind counts them."""
    result = subprocess.run(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *command], capture_output=True, text=True)
    found = re.search(r"Collected : (\d+)", result.stderr)
    if result.returncode or not found:
        sys.exit(f"instructions: '{' '.join(command)}' failed under valgrind: {result.stderr.strip()[-2000:]}")
    return int(found[1])


@functools.cache
def way():
    """'perf', 'callgrind', or None."""
    if by_perf(["true"]):
        return "perf"
    return "callgrind" if shutil.which("valgrind") and shutil.which("strip") else None


def per_element_by_callgrind(row, weir, place):
    """How many instructions one more element takes, on one thread."""
    counts, weir = [], stripped(weir, place)
    for name in (SMALLER, LARGER):
        family = families.family(place, name, models=rows.ALL[row].models or ("ft1",))
        job = rows.prepare(row, weir, place, family, threads=1)
        families.remove(job.output)
        counts.append(by_callgrind(job.command))
        families.remove(job.output)
    return (counts[1] - counts[0]) / (families.parameters(LARGER) - families.parameters(SMALLER))


def per_element(row, job, weir, place, parameters):
    """Instructions per element of one checkpoint, by the best way that this machine has; None where it has none."""
    if way() == "perf":
        families.remove(job.output)
        count = by_perf(job.command)
        families.remove(job.output)
        return count / parameters if count else None
    return per_element_by_callgrind(row, weir, place) if way() == "callgrind" else None
