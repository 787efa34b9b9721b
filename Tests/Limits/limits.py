"""What the checks of limits share: models made for them, runs measured from outside, and a summary."""
import argparse
import hashlib
import json
import os
import shutil
import sys
import tempfile
import time
import zlib

import ml_dtypes
import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "Benchmarks"))

import families  # noqa: E402
import floor  # noqa: E402, F401: for those who import this
import make_family  # noqa: E402

MIB = 1 << 20


class Report:
    """Counts what held and what did not, and prints a line for each."""

    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def holds(self, condition, text):
        self.passed, self.failed = self.passed + bool(condition), self.failed + (not condition)
        print(f"{'ok' if condition else 'FAILED':<8}{text}", flush=True)

    def skip(self, text):
        self.skipped += 1
        print(f"skipped {text}", flush=True)

    def end(self):
        print(f"limits: {self.passed} passed, {self.failed} failed, {self.skipped} skipped")
        sys.exit(1 if self.failed else 0)


def run(function, description):
    """Runs a script's checks in a folder of their own, with the program that --weir names."""
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("--weir", default=os.path.join(ROOT, ".build", "release", "weir"), help="the program (default: the release build)")
    arguments = parser.parse_args()
    weir = os.path.abspath(arguments.weir)
    if not os.access(weir, os.X_OK):
        parser.error(f"'{weir}' is not there; build it with 'make'")
    # Beside the build: a temporary folder may be memory, which would count as the program's.
    parent = os.environ.get("WEIR_TEST_CACHE") or os.path.join(ROOT, ".build")
    os.makedirs(parent, exist_ok=True)
    folder, report, start = tempfile.mkdtemp(prefix="limits-", dir=parent), Report(), time.monotonic()
    try:
        function(weir, folder, report)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"        in {time.monotonic() - start:.0f} s")
    report.end()


def noise(seed):
    """Values of a made-up model, bf16 bit patterns of magnitudes from 1/128 to 2: as fast to make as random bytes."""
    def values(name, shape):
        random = np.random.default_rng([seed, zlib.crc32(name.encode())])
        bits = np.frombuffer(random.bytes(2 * make_family.elements(shape)), np.uint16)
        return ((bits & 0x83FF) | 0x3C00).view(ml_dtypes.bfloat16)
    return values


def make(folder, tensors, count, shards=1, configuration=None):
    """Writes as many checkpoints of the given tensors; returns their folders, the base first."""
    places = [os.path.join(folder, "base" if number == 0 else f"ft{number}") for number in range(count)]
    for number, place in enumerate(places):
        make_family.write(place, tensors, noise(number), shards, configuration=configuration)
    return places


def pipeline(path, op, models, to, **parameters):
    """Writes a pipeline that merges folders, of which the first is the base for methods that take one."""
    sources = {os.path.basename(model): model for model in models}
    names = list(sources)
    node = {"op": op, "models": names} if op in ("linear", "passthrough") else {"op": op, "base": names[0], "models": names[1:]}
    with open(path, "w") as file:
        json.dump({"weir": 1, "sources": sources, "graph": {"merged": node | parameters}, "outputs": [{"from": "merged", "to": to}]}, file)
    return path


def digest(path):
    """A hash of every safetensors file of a folder, in the order of names."""
    total = hashlib.blake2b()
    for name in families.shards(path):
        with open(name, "rb") as file:
            total.update(hashlib.file_digest(file, "blake2b").digest())
    return total.hexdigest()
