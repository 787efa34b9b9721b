"""What the end-to-end checks share: running the program, making the models, comparing values."""
import functools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import traceback

import ml_dtypes
import numpy as np
from safetensors import safe_open
from safetensors.numpy import save_file

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BENCHMARKS = os.path.join(ROOT, "Benchmarks")
DTYPES = {"f32": np.float32, "f16": np.float16, "bf16": ml_dtypes.bfloat16}
# What may be added to a budget of `--memory` before a run counts as unbounded.
ALLOWANCE = 64 << 20


class Failure(Exception):
    """A check that did not hold."""


def expect(condition, message):
    if not condition:
        raise Failure(message)


class Checks:
    """A list of named checks, run one after another; every one gets an empty folder of its own."""

    def __init__(self):
        self.entries = []

    def __call__(self, title):
        def register(function):
            self.entries.append((title, function))
            return function
        return register

    def run(self, program, words):
        chosen = [(t, f) for t, f in self.entries if all(w.lower() in t.lower() for w in words)]
        expect(chosen, f"no check is called {' '.join(words)!r}")
        passed = 0
        for title, function in chosen:
            start = time.monotonic()
            folder = tempfile.mkdtemp(prefix="weir-check-")
            try:
                function(Bench(program, folder))
                passed += 1
                print(f"ok      {title} ({time.monotonic() - start:.1f} s)", flush=True)
            except Failure as failure:
                print(f"FAILED  {title}\n        {failure}", flush=True)
            except Exception:
                print(f"FAILED  {title}\n{traceback.format_exc()}", flush=True)
            finally:
                shutil.rmtree(folder, ignore_errors=True)
        return passed, len(chosen) - passed


class Bench:
    """One check's workplace: a folder, and the program to run in it."""

    def __init__(self, program, folder):
        self.program = program
        self.folder = folder
        self.usage = {}

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def weir(self, *arguments, code=0, text=None):
        """Runs the program and demands an exit code; returns what it printed on standard output and standard error."""
        report = self.path("usage.json")
        command = [sys.executable, "-IS", os.path.join(BENCHMARKS, "measure.py"), report, self.program, *arguments]
        result = subprocess.run(command, capture_output=True, text=True, input=text, cwd=self.folder, timeout=600)
        said = f"'weir {' '.join(arguments)}' said: {(result.stderr or result.stdout).strip()[-2000:]}"
        expect(result.returncode == code, f"exit code {result.returncode}, expected {code}; {said}")
        with open(report) as file:
            self.usage = json.load(file)
        return result.stdout, result.stderr

    def pipeline(self, node=None, output=None, *, name="pipeline.json", graph=None, outputs=None, **more):
        """Writes a pipeline over the four models; `node` is called 'merged', and `output` is its output."""
        graph = graph if graph is not None else {"merged": node} if node else {}
        everything = {"weir": 1, "sources": more.pop("sources", None) or sources(), **more}
        if graph:
            everything["graph"] = graph
        everything["outputs"] = outputs or [{"from": "merged", "to": self.path("out"), **(output or {})}]
        # A source that nothing reads would be a warning.
        used = references([graph, everything["outputs"]])
        everything["sources"] = {k: v for k, v in everything["sources"].items() if k in used}
        path = self.path(name)
        with open(path, "w") as file:
            json.dump(everything, file, indent=2)
        return path

    def run(self, node=None, output=None, *flags, **more):
        """Writes a pipeline, runs it, and returns the tensors of its output."""
        self.weir("run", self.pipeline(node, output, **more), "--quiet", *flags)
        return tensors(self.path("out"))


def references(value):
    """Every name that the objects in `value` refer to."""
    if isinstance(value, list):
        return set().union(*map(references, value))
    if not isinstance(value, dict):
        return set()
    names = {value[key] for key in ("base", "from", "fisher", "groups", "coefficients", "mask") if isinstance(value.get(key), str)}
    names |= {entry for key in ("models", "inputs") for entry in value.get(key, []) if isinstance(entry, str)}
    return names.union(*map(references, value.values()))


# Models -----------------------------------------------------------------------------------------------------------------

def tensors(path):
    """Every tensor of a file or folder, as the safetensors package reads it."""
    if os.path.isdir(path):
        index = os.path.join(path, "model.safetensors.index.json")
        if os.path.exists(index):
            with open(index) as file:
                weight_map = json.load(file)["weight_map"]
            files = sorted(set(weight_map.values()))
        else:
            weight_map, files = None, ["model.safetensors"]
        result = {}
        for name in files:
            found = tensors(os.path.join(path, name))
            expect(not set(found) & set(result), f"'{name}' repeats tensors of another shard")
            expect(weight_map is None or all(weight_map.get(k) == name for k in found), f"the index disagrees with '{name}'")
            result.update(found)
        expect(weight_map is None or set(weight_map) == set(result), "the index and the shards name different tensors")
        return result
    with safe_open(path, framework="np") as file:
        return {name: file.get_tensor(name) for name in file.keys()}


def cache():
    return os.environ.get("WEIR_TEST_CACHE") or os.path.join(ROOT, ".build", "end-to-end")


def sources():
    return {name: os.path.join(cache(), name) for name in ("base", "tuned", "left", "right")}


@functools.cache
def models():
    """The real base, its real fine-tune, and two seeded perturbations of the base, made once and kept."""
    stamp = os.path.join(cache(), "complete")
    if not os.path.exists(stamp):
        shutil.rmtree(cache(), ignore_errors=True)
        subprocess.run([sys.executable, os.path.join(BENCHMARKS, "real_pair.py"), cache()], check=True)
        base = tensors(os.path.join(cache(), "base"))
        for seed, name in enumerate(("left", "right")):
            folder = os.path.join(cache(), name)
            shutil.copytree(os.path.join(cache(), "base"), folder)
            random = np.random.default_rng(1000 + seed)
            moved = {}
            for key in sorted(base):
                value = base[key]
                if is_float(value):
                    wide = value.astype(np.float32)
                    noise = random.standard_normal(value.shape, dtype=np.float32)
                    value = (wide + noise * np.float32(0.02) * wide.std()).astype(value.dtype)
                moved[key] = value
            save_file(moved, os.path.join(folder, "model.safetensors"), metadata={"format": "pt"})
        with open(stamp, "w"):
            pass
    return {name: tensors(path) for name, path in sources().items()}


def is_float(value):
    return value.dtype in (np.float64, np.float32, np.float16, ml_dtypes.bfloat16)


def each(function, *names):
    """`function(name, value, …)` on every floating tensor of the named models; the others as the first model has them."""
    chosen = [models()[name] for name in names]
    return {key: function(key, *(m[key] for m in chosen)) if is_float(value) else value for key, value in chosen[0].items()}


def whole(function, *names):
    """The same for methods over a whole model, which take dictionaries."""
    floats = [{k: v for k, v in models()[name].items() if is_float(v)} for name in names]
    return {**models()[names[0]], **function(*floats)}


# Comparing --------------------------------------------------------------------------------------------------------------

def steps(value):
    """16-bit floats as integers in the order of their values, so that neighbours differ by one."""
    bits = value.view(np.uint16).astype(np.int32)
    return np.where(bits & 0x8000, -(bits & 0x7FFF), bits)


@functools.cache
def scale(name):
    """How large the numbers are that an element's value comes from."""
    return sum(np.abs(m[name].astype(np.float32)) for m in models().values())


def compare(found, expected, dtype="bf16", exact=True, gain=1.0, few=0.0):
    """Demands the expected names, order apart, shapes, types and values.

    With `exact`, values must be those of the reference, rounded. Without, they may be a neighbour in a 16-bit type, or as far
    away as a few roundings of Float32 take them (`gain` times as far, where a method multiplies what it rounds). `few` is the share of elements that may be others, where a choice among
    neighbours hangs on a rounding.
    """
    missing, extra = sorted(set(expected) - set(found)), sorted(set(found) - set(expected))
    expect(not missing and not extra, f"missing tensors {missing[:5]}, unexpected tensors {extra[:5]}")
    for name, value in expected.items():
        got = found[name]
        expect(got.shape == value.shape, f"'{name}' has shape {list(got.shape)}, expected {list(value.shape)}")
        if not is_float(value):
            expect(got.dtype == value.dtype and np.array_equal(got, value), f"'{name}' is not the base's, to the byte")
            continue
        want = value.astype(DTYPES[dtype])
        expect(got.dtype == want.dtype, f"'{name}' is {got.dtype}, expected {want.dtype}")
        wrong = got.astype(np.float32) != want.astype(np.float32)
        if not exact and wrong.any():
            far = np.abs(got.astype(np.float64) - value) > gain * 2.0 ** -21 * scale(name)
            wrong = far if dtype == "f32" else far & (np.abs(steps(got) - steps(want)) > 1)
        if np.mean(wrong) > few:
            at = np.unravel_index(int(np.argmax(wrong)), wrong.shape)
            raise Failure(f"'{name}' differs in {np.count_nonzero(wrong)} of {wrong.size} elements; at {[int(i) for i in at]} it is "
                          f"{float(got[at])!r}, expected {float(want[at])!r}")
