"""End-to-end checks of task-vector archives: the program against python/weir_archive.py, which was written from the format's page.

What `weir apply` writes is compared with what the decoder makes of the same archive, file by file, to the byte; and the deltas
of archives without a base element by element. The models are the real pair, and small checkpoints in which everything occurs
that an archive has to keep.
"""
import json
import os
import sys

import numpy as np

from harness import ROOT, Checks, expect, models, sources

sys.path[:0] = [os.path.join(ROOT, "python"), os.path.join(ROOT, "Tests", "Fixtures", "archives")]
import family
import make_golden
import weir_archive

check = Checks()


def files(folder):
    return sorted(os.path.relpath(os.path.join(place, name), folder) for place, _, names in os.walk(folder) for name in names)


def expect_same(found, wanted):
    """Demands two folders with the same files."""
    expect(files(found) == files(wanted), f"files are {files(found)}, expected {files(wanted)}")
    for name in files(found):
        with open(os.path.join(found, name), "rb") as one, open(os.path.join(wanted, name), "rb") as other:
            expect(one.read() == other.read(), f"'{name}' differs between '{os.path.basename(found)}' and '{os.path.basename(wanted)}'")


def both(b, name, base, path):
    """Applies an archive by the program and by the decoder; demands the same files of both, and returns their folder."""
    found, again = b.path(name), b.path(name + "-again")
    b.weir("apply", *([base] if base else []), path, "-o", found, "--quiet")
    weir_archive.open(path).apply(base, again)
    expect_same(again, found)
    return found


REAL = {
    "ternary": ["--density", "0.05", "--alpha", "4"],
    "ternary by planes": ["--density", "0.05", "--coding", "plane"],
    "ternary with the base's exponents": ["--density", "0.2", "--coding", "context"],
    "ternary with scales of rows": ["--density", "0.05", "--scale", "mean", "--scale-scope", "row"],
    "sign": ["--codec", "sign", "--scale-scope", "row"],
    "seeded": ["--codec", "seeded"],
    "dare": ["--codec", "dare"],
    "sparse": ["--codec", "sparse", "--density", "0.05"],
    "exact sparse": ["--codec", "sparse"],
    "lossless": ["--codec", "lossless"],
    "lowrank": ["--codec", "lowrank", "--rank", "8"],
    "lowrank of bytes": ["--codec", "lowrank", "--rank", "4", "--factors", "int8"],
    "dense": ["--codec", "dense", "--values", "bf16"],
}
EXACT = ("lossless", "exact sparse")

for title, flags in REAL.items():
    @check(f"an archive of the real pair, {title}")
    def _(b, title=title, flags=flags):
        models()
        base, tuned, path = sources()["base"], sources()["tuned"], b.path("x.tv.safetensors")
        b.weir("compress", base, tuned, "-o", path, "--quiet", *flags)
        b.weir("verify", path)
        found = both(b, "made", base, path)
        if title in EXACT:
            expect_same(found, tuned)


@check("archives of small checkpoints of every type, every codec")
def _(b):
    family.make(b.folder)
    for name, flags in make_golden.CHECKPOINTS.items():
        path = b.path(name + ".tv.safetensors")
        b.weir("compress", b.path("base"), b.path("tuned"), "-o", path, "--quiet", *flags)
        found = both(b, "out-" + name, b.path("base"), path)
        if "exact" in name or name == "lossless":
            expect_same(found, b.path("tuned"))


@check("archives of an adapter")
def _(b):
    family.make(b.folder)
    for name, flags in make_golden.ADAPTERS.items():
        path = b.path(name + ".tv.safetensors")
        b.weir("compress", b.path("adapter"), "-o", path, "--quiet", *flags)
        found = both(b, "out-" + name, None, path)
        expect(files(found) == files(b.path("adapter")), f"files are {files(found)}, expected those of an adapter")


@check("archives of a delta, element by element")
def _(b):
    family.make(b.folder)
    for name, spec in make_golden.DELTAS.items():
        path, out = b.path(name + ".tv.safetensors"), b.path(name + ".safetensors")
        change = {"change": {"path": b.path("change.safetensors"), "space": "delta"}}
        b.weir("run", b.pipeline(sources=change, outputs=[{"from": "change", "to": path, **spec}]), "--quiet")
        b.weir("run", b.pipeline(sources={"change": {"archive": path}}, outputs=[{"from": "change", "to": out, "dtype": "f32"}]), "--quiet")
        made, archive = weir_archive.tensors_of(out), weir_archive.open(path)
        for tensor in archive.tensors:
            found, wanted = archive.delta(tensor), weir_archive.widen(made[tensor][2], "F32").reshape(made[tensor][1])
            expect(np.array_equal(found, wanted), f"{name}: '{tensor}' differs in {np.count_nonzero(found != wanted)} elements")


@check("what an archive adds to its base is what a pipeline subtracts again")
def _(b):
    models()
    base, path, out = sources()["base"], b.path("x.tv.safetensors"), b.path("change.safetensors")
    b.weir("compress", base, sources()["tuned"], "-o", path, "--quiet", "--density", "0.1")
    graph = {"change": {"op": "subtract", "inputs": ["archive", "base"]}}
    b.weir("run", b.pipeline(graph=graph, sources={"base": base, "archive": {"archive": path, "base": "base"}},
                             outputs=[{"from": "change", "to": out, "dtype": "f32"}]), "--quiet")
    made, archive = weir_archive.tensors_of(out), weir_archive.open(path)
    for name, tensor in archive.tensors.items():
        if tensor.dtype == "BF16":
            expect(np.array_equal(archive.delta(name).ravel(), weir_archive.widen(made[name][2], "F32")), f"'{name}' differs")


@check("the decoder reads the golden archives")
def _(b):
    folder = os.path.join(ROOT, "Tests", "Fixtures", "archives", "v1")
    with open(os.path.join(folder, "expected.json")) as file:
        expected = json.load(file)
    for path, hashes in expected.items():
        archive = weir_archive.open(os.path.join(folder, path))
        if archive.metadata["kind"] == "delta":
            found = {name: make_golden.hash_of(archive.delta(name).tobytes()) for name in archive.tensors}
        else:
            archive.apply(os.path.join(folder, "base") if archive.metadata["kind"] == "checkpoint" else None, b.path(path))
            found = make_golden.hashes(b.path(path))
        expect(found == hashes, f"{path}: hashes are {found}, expected {hashes}")
