"""Counts the instructions that every kernel takes per element, and compares them with those on record.

    python Tests/Limits/kernels.py            fails where a kernel takes a tenth more than kernels.json says
    python Tests/Limits/kernels.py --write    records what it takes now

Counted by valgrind's callgrind, which shows the program AVX2 at the most: the counts are of that form of each kernel, and the
same on every machine that has it. A loop that is vector code no longer takes several times as many.
"""
import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
KERNELS = os.path.join(ROOT, "Sources", "CKernels")
RECORD = os.path.join(HERE, "kernels.json")
TOLERANCE = 1.10


def skip(reason):
    print(f"kernels: skipped: {reason}")
    sys.exit(0)


def compiler():
    """The C compiler of the Swift toolchain, with which the package is built."""
    swift = shutil.which("swift")
    beside = os.path.join(os.path.dirname(os.path.realpath(swift)), "clang") if swift else ""
    return beside if os.access(beside, os.X_OK) else shutil.which("clang")


def counts(folder):
    """Instructions per element of each kernel."""
    program, profile = os.path.join(folder, "kernels"), os.path.join(folder, "profile")
    sources = [os.path.join(KERNELS, name) for name in sorted(os.listdir(KERNELS)) if name.endswith(".c")]
    subprocess.run([compiler(), "-O2", "-g0", "-I", os.path.join(KERNELS, "include"), os.path.join(HERE, "kernels.c"), *sources,
                    "-lm", "-o", program], check=True)
    said = subprocess.run(["valgrind", "--tool=callgrind", f"--callgrind-out-file={profile}", program], check=True,
                          capture_output=True, text=True).stdout
    elements = {name: int(number) for name, number in (line.split() for line in said.splitlines())}
    table = subprocess.run(["callgrind_annotate", "--inclusive=yes", "--threshold=100", profile], check=True, capture_output=True,
                           text=True).stdout
    found = {name: int(number.replace(",", "")) for number, name in re.findall(r"([\d,]+) .*?:kernel_(\w+)", table)}
    return {name: round(found[name] / elements[name], 2) for name in sorted(elements)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="record the counts")
    arguments = parser.parse_args()
    if not shutil.which("valgrind"):
        skip("valgrind is not on the PATH")
    if not compiler():
        skip("no clang is beside swift or on the PATH")
    with open("/proc/cpuinfo") as file:
        if " avx2 " not in file.read():
            skip("the recorded counts are of AVX2, which this machine lacks")
    with tempfile.TemporaryDirectory() as folder:
        found = counts(folder)
    if arguments.write:
        with open(RECORD, "w") as file:
            json.dump(found, file, indent=1)
            file.write("\n")
        return
    with open(RECORD) as file:
        recorded = json.load(file)
    passed, failed = 0, 0
    for name in sorted(recorded.keys() | found.keys()):
        old, new = recorded.get(name), found.get(name)
        if old is None or new is None:
            problem = "not on record; record it with --write" if old is None else "no longer run; record that with --write"
        elif new > old * TOLERANCE + 0.01:
            problem = f"{new} instructions per element, expected {old}; see what is vector code no longer"
        else:
            passed += 1
            continue
        failed += 1
        print(f"kernels: {name}: {problem}")
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
