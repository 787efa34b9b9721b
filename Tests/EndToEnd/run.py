"""Runs the built program on a real sentence encoder and compares what it writes with the reference.

    python Tests/EndToEnd/run.py [--weir PATH] [WORD]...      only checks whose title has every WORD

The models are all-MiniLM-L6-v2 in bfloat16, a real fine-tune of it, and two seeded perturbations; they are made on the first
run and kept under .build. Every file in pipelines/ is run as well, on small models of the shape that it is written for.
"""
import argparse
import glob
import hashlib
import json
import os
import shutil
import subprocess
import sys

import numpy as np
from safetensors.numpy import save_file

import adapters
import archives
import reference
import reference_outliers
import reference_scored
import vocabularies
from harness import (ALLOWANCE, BENCHMARKS, DTYPES, ROOT, Checks, Failure, compare, each, expect, is_float, models, sources,
                     tensors, whole)

check = Checks()
FOUR = ("base", "tuned", "left", "right")


def weighted(*pairs):
    return [{"from": name, "weight": weight} for name, weight in pairs]


# Averages and interpolation ---------------------------------------------------------------------------------------------

@check("linear, in the base's type")
def _(b):
    node = {"op": "linear", "models": weighted(("base", 0.5), ("tuned", 0.3), ("left", 0.2))}
    compare(b.run(node), each(lambda _, *m: reference.linear(m, [0.5, 0.3, 0.2]), "base", "tuned", "left"))


@check("linear without normalisation, as F32")
def _(b):
    node = {"op": "linear", "normalize": False, "models": weighted(("tuned", 0.7), ("left", 0.9), ("right", -0.4))}
    compare(b.run(node, {"dtype": "f32"}),
            each(lambda _, *m: reference.linear(m, [0.7, 0.9, -0.4], False), "tuned", "left", "right"), "f32")


@check("lerp, as F16")
def _(b):
    node = {"op": "lerp", "base": "base", "models": ["tuned"], "t": 0.6}
    compare(b.run(node, {"dtype": "f16"}), each(lambda _, x, y: reference.lerp(x, y, 0.6), "base", "tuned"), "f16")


@check("slerp, at a place that varies by rules and over layers")
def _(b):
    def place(name):
        if ".attention." in name:
            return reference.ramp([0, 0.5, 1], int(name.split(".layer.")[1].split(".")[0]), 6)
        return 0.25

    node = {"op": "slerp", "base": "left", "models": ["right"],
            "t": [{"for": "*.attention.*", "ramp": [0, 0.5, 1]}, {"value": 0.25}]}
    compare(b.run(node), each(lambda n, x, y: reference.slerp(x, y, place(n)), "left", "right"), exact=False)


@check("slerp of models far apart, as F16")
def _(b):
    node = {"op": "slerp", "base": "base", "models": ["apart"], "t": 0.4}
    graph = {"apart": {"op": "nuslerp", "base": "base", "models": weighted(("left", 1), ("right", 1)), "nuslerp_flatten": True},
             "change": {"op": "subtract", "inputs": ["apart", "base"]},
             "larger": {"op": "scale", "inputs": ["change"], "factor": 30},
             "away": {"op": "add", "inputs": ["base", "larger"]}, "merged": {**node, "models": ["away"]}}

    def expected(_, base, left, right):
        change = reference.nuslerp([left, right], [1, 1], base=base) - base.astype(np.float32)
        return reference.slerp(base, base.astype(np.float32) + np.float32(30) * change, 0.4)

    found = b.run(graph=graph, output={"dtype": "f16"})
    compare(found, each(expected, "base", "left", "right"), "f16", exact=False, gain=30)


@check("nuslerp of task vectors, as F32")
def _(b):
    node = {"op": "nuslerp", "base": "base", "models": weighted(("tuned", 0.6), ("left", 0.4))}
    compare(b.run(node, {"dtype": "f32"}),
            each(lambda _, base, *m: reference.nuslerp(m, [0.6, 0.4], base=base), "base", "tuned", "left"), "f32", exact=False)


for axis, row_wise in (("last", False), ("first", True)):
    @check(f"nuslerp along the {axis} axis")
    def _(b, row_wise=row_wise):
        node = {"op": "nuslerp", "models": weighted(("left", 1), ("right", 2)), "nuslerp_flatten": False,
                "nuslerp_row_wise": row_wise}
        compare(b.run(node), each(lambda _, *m: reference.nuslerp(m, [1, 2], flatten=False, row_wise=row_wise), "left", "right"),
                exact=False)


# Task vectors -----------------------------------------------------------------------------------------------------------

@check("task arithmetic of three")
def _(b):
    node = {"op": "task_arithmetic", "base": "base", "lambda": 0.5, "models": weighted(("tuned", 1), ("left", 0.6), ("right", -0.3))}
    compare(b.run(node), each(lambda _, base, *m: reference.task_arithmetic(base, m, [1, 0.6, -0.3], 0.5), *FOUR))


@check("task arithmetic, normalized, as F32")
def _(b):
    node = {"op": "task_arithmetic", "base": "base", "normalize": True, "models": weighted(("tuned", 0.6), ("left", 0.3))}
    compare(b.run(node, {"dtype": "f32"}),
            each(lambda _, base, *m: reference.task_arithmetic(base, m, [0.6, 0.3], normalize=True), "base", "tuned", "left"), "f32")


@check("negate, analogy and extrapolate in one run")
def _(b):
    graph = {"negated": {"op": "negate", "base": "base", "models": ["tuned"], "lambda": 0.5},
             "answer": {"op": "analogy", "base": "base", "models": ["left", "right", "tuned"]},
             "further": {"op": "extrapolate", "base": "base", "models": ["tuned"], "alpha": 0.3}}
    outputs = [{"from": name, "to": b.path(name), "dtype": "f32"} for name in graph]
    b.weir("run", b.pipeline(graph=graph, outputs=outputs), "--quiet")
    compare(tensors(b.path("negated")), each(lambda _, x, y: reference.negate(x, y, 0.5), "base", "tuned"), "f32")
    compare(tensors(b.path("answer")),
            each(lambda _, base, tuned, left, right: reference.analogy(base, left, right, tuned), *FOUR), "f32")
    compare(tensors(b.path("further")), each(lambda _, x, y: reference.extrapolate(x, y, 0.3), "base", "tuned"), "f32")


@check("ties")
def _(b):
    node = {"op": "ties", "base": "base", "density": 0.2, "models": weighted(("tuned", 0.6), ("left", 0.4))}
    compare(b.run(node), each(lambda _, base, *m: reference.ties(base, m, [0.6, 0.4], 0.2), "base", "tuned", "left"))


@check("ties of three by count, densities apart, as F32")
def _(b):
    node = {"op": "ties", "base": "base", "lambda": 0.8, "election": "count", "normalize": False,
            "models": [{"from": "tuned", "weight": 1, "density": 0.5}, {"from": "left", "weight": 0.5, "density": 0.1},
                       {"from": "right", "weight": 0.25, "density": 1}]}
    compare(b.run(node, {"dtype": "f32"}),
            each(lambda _, base, *m: reference.ties(base, m, [1, 0.5, 0.25], [0.5, 0.1, 1], 0.8, False, "count"), *FOUR), "f32")


@check("ties over the whole model")
def _(b):
    node = {"op": "ties", "base": "base", "scope": "model", "density": 0.1, "models": weighted(("tuned", 0.6), ("left", 0.4))}
    compare(b.run(node), whole(lambda base, *m: reference.ties_model(base, m, [0.6, 0.4], 0.1), "base", "tuned", "left"))


@check("ties as in the paper")
def _(b):
    node = {"op": "ties", "variant": "paper", "base": "base", "density": 0.2, "lambda": 0.7, "models": ["tuned", "left", "right"]}
    compare(b.run(node), whole(lambda base, *m: reference.ties_paper(base, m, 0.2, lam=0.7), *FOUR))


@check("ties as for adapters")
def _(b):
    node = {"op": "ties", "variant": "peft", "base": "base", "density": 0.3, "models": weighted(("tuned", 0.6), ("left", 0.4))}
    compare(b.run(node), each(lambda _, base, *m: reference.ties_peft(base, m, [0.6, 0.4], 0.3), "base", "tuned", "left"))


@check("hi_merging of three, as F32")
def _(b):
    node = {"op": "hi_merging", "base": "base", "density": 0.4, "scale": 0.9, "models": ["tuned", "left", "right"]}
    compare(b.run(node, {"dtype": "f32"}),
            each(lambda _, base, *m: reference_scored.hi_merging(base, m, [1, 1, 1], 0.4, 0.9), *FOUR), "f32")


@check("widen, as F32")
def _(b):
    node = {"op": "widen", "base": "base", "models": ["tuned", "left"], "exclude": ["*embeddings*"]}

    def one(name, base, *m):
        return base if "embeddings" in name else reference_scored.widen(base, m)

    compare(b.run(node, {"dtype": "f32"}), each(one, "base", "tuned", "left"), "f32", exact=False)


@check("fisher, of information in other types, as F32")
def _(b):
    parts = {"tuned": ("f32", 1.0), "left": ("f16", 1e4)}
    for name, (dtype, gain) in parts.items():
        os.makedirs(b.path(f"{name}-fisher"))
        squares = {k: np.minimum((v.astype(np.float32) * gain) ** 2 / gain, 6e4).astype(DTYPES[dtype])
                   for k, v in models()[name].items() if is_float(v)}
        save_file(squares, b.path(f"{name}-fisher", "model.safetensors"), metadata={"format": "pt"})
    known = {name: tensors(b.path(f"{name}-fisher")) for name in parts}
    lengths = [np.sqrt(sum((f.astype(np.float64) ** 2).sum() for f in known[name].values())) for name in parts]
    node = {"op": "fisher", "models": [{"from": name, "fisher": f"{name}-fisher"} for name in parts], "weight": 0.5}
    found = b.run(node, {"dtype": "f32"}, sources={**sources(), **{f"{n}-fisher": b.path(f"{n}-fisher") for n in parts}})
    compare(found, each(lambda key, *m: reference_scored.fisher(
        m, [known[name][key] for name in parts], [0.5, 0.5], lengths=lengths), *parts), "f32", exact=False)


@check("atlas, a coefficient for each tensor of one model and one for all of another")
def _(b):
    numbers = {key: round(place / 100, 2) for place, key in enumerate(sorted(models()["base"]))}
    with open(b.path("learnt.json"), "w") as file:
        json.dump({"tuned": numbers, "left": -0.25}, file)
    node = {"op": "atlas", "base": "base", "models": ["tuned", "left"], "coefficients": "learnt"}
    found = b.run(node, {"dtype": "f32"}, sources={**sources(), "learnt": {"coefficients": b.path("learnt.json")}})
    compare(found, each(lambda key, base, *m: reference_scored.atlas(base, m, [numbers[key], -0.25]), "base", "tuned", "left"),
            "f32")


@check("dare_linear")
def _(b):
    node = {"op": "dare_linear", "base": "base", "density": 0.3, "seed": 42, "models": weighted(("tuned", 0.6), ("left", 0.4))}
    compare(b.run(node), each(lambda n, base, *m: reference.dare(base, m, [0.6, 0.4], 0.3, 42, n), "base", "tuned", "left"))


@check("dare_linear, rescaled by norm, as F16")
def _(b):
    node = {"op": "dare_linear", "base": "base", "density": 0.5, "seed": 7, "rescale_rule": "l1",
            "models": weighted(("tuned", 0.6), ("left", 0.4))}
    compare(b.run(node, {"dtype": "f16"}),
            each(lambda n, base, *m: reference.dare(base, m, [0.6, 0.4], 0.5, 7, n, rule="l1"), "base", "tuned", "left"),
            "f16", exact=False, gain=4)


@check("dare_ties of three, as F32")
def _(b):
    node = {"op": "dare_ties", "base": "base", "density": 0.5, "seed": 42, "lambda": 0.5, "models": ["tuned", "left", "right"],
            "weight": 1}
    compare(b.run(node, {"dtype": "f32"}),
            each(lambda n, base, *m: reference.dare(base, m, [1, 1, 1], 0.5, 42, n, elect="sum", lam=0.5), *FOUR), "f32")


@check("della, ranked by rows")
def _(b):
    node = {"op": "della", "base": "base", "density": 0.5, "epsilon": 0.25, "seed": 42, "models": ["tuned", "left", "right"]}
    compare(b.run(node, {"dtype": "f32"}),
            each(lambda n, base, *m: reference_outliers.della(base, m, [1, 1, 1], 0.5, 42, n, 0.25), *FOUR), "f32", exact=False,
            few=1e-4)  # ranks of the change in Float32: two that are all but equal may stand the other way round


@check("breadcrumbs")
def _(b):
    node = {"op": "breadcrumbs", "base": "base", "density": 0.8, "gamma": 0.05, "models": weighted(("tuned", 0.6), ("left", 0.4))}
    compare(b.run(node, {"dtype": "f32"}),
            each(lambda n, base, *m: reference_outliers.breadcrumbs(base, m, [0.6, 0.4], 0.8, 0.05), "base", "tuned", "left"), "f32")


@check("breadcrumbs of rows, with an election, as F32")
def _(b):
    node = {"op": "breadcrumbs_ties", "base": "base", "density": 0.15, "gamma": 0.02, "variant": "original", "lambda": 0.5,
            "models": ["tuned", "left", "right"]}
    compare(b.run(node, {"dtype": "f32"}),
            each(lambda n, base, *m: reference_outliers.breadcrumbs(base, m, [1, 1, 1], 0.15, 0.02, "sum", 0.5, variant="original"),
                 *FOUR), "f32")


@check("arcee_fusion")
def _(b):
    found = b.run({"op": "arcee_fusion", "base": "base", "models": ["tuned"]}, {"dtype": "f32"})
    expected = each(lambda n, base, m: reference_outliers.arcee_fusion(base, m), "base", "tuned")
    for name, value in expected.items():
        base, tuned = (models()[m][name] for m in ("base", "tuned"))
        expect(np.all((found[name] == base) | (found[name] == tuned)), f"{name}: an element is of neither model")
        # A fine-tune's row diverges by some 1e-8, the rest of terms that cancel: in Float32 half of that is rounding, here as in the
        # tool, so that elements near the threshold go either way. The vectors hold the arithmetic to its digits.
        expect(np.mean(found[name] != value) < 0.15, f"{name}: {np.mean(found[name] != value):.2%} of the elements differ")


@check("sparse_soup of pruned models")
def _(b):
    mask = {name: (np.abs(value) >= np.median(np.abs(value))).astype(np.uint8) for name, value in models()["base"].items() if is_float(value)}
    os.mkdir(b.path("mask"))
    save_file(mask, b.path("mask", "model.safetensors"), metadata={"format": "pt"})
    node = {"op": "sparse_soup", "mask": "mask", "mask_policy": "from_file", "models": weighted(("tuned", 1), ("left", 3))}
    found = b.run(node, {"dtype": "f32"}, sources={**sources(), "mask": b.path("mask")})
    compare(found, each(lambda n, *m: reference_outliers.sparse_soup(m, mask[n], [1, 3]), "tuned", "left"), "f32")


# Tensors, layers, outputs -----------------------------------------------------------------------------------------------

@check("primitives")
def _(b):
    graph = {"change": {"op": "subtract", "inputs": ["tuned", "base"]}, "largest": {"op": "trim", "inputs": ["change"], "density": 0.1},
             "halved": {"op": "scale", "inputs": ["largest"], "factor": 0.5}, "merged": {"op": "add", "inputs": ["base", "halved"]}}

    def expected(_, base, tuned):
        change = reference.delta(tuned, base, np.float32)
        return base.astype(np.float32) + reference.keep_largest(change, 0.1) * np.float32(0.5)

    compare(b.run(graph=graph), each(expected, "base", "tuned"))


@check("an election put together from primitives")
def _(b):
    graph = {"first": {"op": "subtract", "inputs": ["tuned", "base"]}, "second": {"op": "subtract", "inputs": ["left", "base"]},
             "trimmed": {"op": "trim", "inputs": ["first"], "density": 0.3},
             "dropped": {"op": "drop", "inputs": ["second"], "density": 0.5, "rescale": True, "seed": 9},
             "signs": {"op": "elect", "inputs": ["trimmed", "dropped"]},
             "first_kept": {"op": "agree", "inputs": ["trimmed", "signs"]}, "second_kept": {"op": "agree", "inputs": ["dropped", "signs"]},
             "average": {"op": "mean", "inputs": ["first_kept", "second_kept"]},
             "bounded": {"op": "clip", "inputs": ["average"], "min": -0.01, "max": 0.01},
             "chosen": {"op": "select", "inputs": ["trimmed", "bounded", "second"]},
             "change": {"op": "cast", "inputs": ["chosen"], "dtype": "f16"}, "merged": {"op": "add", "inputs": ["base", "change"]}}

    def expected(name, base, tuned, left):
        first, second = (reference.delta(m, base, np.float32) for m in (tuned, left))
        trimmed, dropped = reference.keep_largest(first, 0.3), reference.dropped(second, 0.5, 9, name, 0)
        signs = np.where(trimmed + dropped >= 0, 1, -1)
        average = sum(np.where(np.sign(v) == signs, v, np.float32(0)) for v in (trimmed, dropped)) / np.float32(2)
        chosen = np.where(trimmed != 0, np.clip(average, np.float32(-0.01), np.float32(0.01)), second)
        return base.astype(np.float32) + chosen.astype(np.float16).astype(np.float32)

    compare(b.run(graph=graph, output={"dtype": "f32"}), each(expected, "base", "tuned", "left"), "f32")


@check("only the tensors that include and exclude leave")
def _(b):
    node = {"op": "task_arithmetic", "base": "base", "models": weighted(("tuned", 0.8)), "include": ["*.attention.*"],
            "exclude": ["*.LayerNorm.*"]}

    def expected(name, base, tuned):
        taken = ".attention." in name and ".LayerNorm." not in name
        return reference.task_arithmetic(base, [tuned], [0.8]) if taken else base

    compare(b.run(node), each(expected, "base", "tuned"))


@check("a stack of layers")
def _(b):
    node = {"op": "stack", "parts": [{"from": "base", "layers": [0, 4]}, {"from": "tuned", "layers": [2, 6]}]}
    found, prefix, expected = b.run(node), "encoder.layer.", {}
    for name, value in models()["base"].items():
        if not name.startswith(prefix):
            expected[name] = value if name.startswith("embeddings.") else models()["tuned"][name]
    for layer, (source, origin) in enumerate([("base", i) for i in range(4)] + [("tuned", i) for i in range(2, 6)]):
        for name, value in models()[source].items():
            if name.startswith(f"{prefix}{origin}."):
                expected[name.replace(f"{prefix}{origin}.", f"{prefix}{layer}.", 1)] = value
    compare(found, expected)
    with open(b.path("out", "config.json")) as file:
        expect(json.load(file)["num_hidden_layers"] == 8, "config.json does not say 8 layers")


for dtype in DTYPES:
    @check(f"a cast to {dtype.upper()} in shards")
    def _(b, dtype=dtype):
        limit = 20_000_000
        found = b.run(graph={}, outputs=[{"from": "base", "to": b.path("out"), "dtype": dtype, "shard_size": "20MB"}])
        compare(found, {name: value.astype(np.float32) if is_float(value) else value for name, value in models()["base"].items()}, dtype)
        with open(b.path("out", "model.safetensors.index.json")) as file:
            index = json.load(file)
        total = sum(value.nbytes for value in found.values())
        expect(index["metadata"]["total_size"] == total, f"total_size is {index['metadata']['total_size']}, expected {total}")
        names = sorted(set(index["weight_map"].values()))
        expect(names == [f"model-{i + 1:05d}-of-{len(names):05d}.safetensors" for i in range(len(names))], f"shards are called {names}")
        for shard in names:
            inside = [found[name] for name, place in index["weight_map"].items() if place == shard]
            size = sum(value.nbytes for value in inside)
            expect(size <= limit or len(inside) == 1, f"'{shard}' holds {size} bytes in {len(inside)} tensors, expected at most {limit}")
        with open(b.path("out", "config.json")) as file:
            said = json.load(file)
        expected = {"f32": "float32", "f16": "float16", "bf16": "bfloat16"}[dtype]
        expect(said.get("torch_dtype", said.get("dtype")) == expected, f"config.json does not say {expected}")


@check("a copy keeps every byte, with tokenizer, config and model card beside it")
def _(b):
    found = b.run({"op": "passthrough", "models": ["tuned"]})
    for name, value in models()["tuned"].items():
        expect(found[name].tobytes() == value.tobytes() and found[name].dtype == value.dtype, f"'{name}' was not copied as bytes")
    for name in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt"):
        with open(os.path.join(sources()["tuned"], name), "rb") as one, open(b.path("out", name), "rb") as other:
            expect(one.read() == other.read(), f"'{name}' is not the source's")
    with open(b.path("out", "README.md")) as file:
        card = file.read()
    for word in ("base_model", "tags", "library_name", '"passthrough"'):
        expect(word in card, f"README.md lacks {word}")
    with open(b.path("out", "config.json")) as file:
        expect(json.load(file)["num_hidden_layers"] == 6, "config.json does not say 6 layers")


@check("renamed tensors in a single file")
def _(b):
    b.weir("run", b.pipeline(graph={}, outputs=[
        {"from": "base", "to": b.path("out.safetensors"), "rename": [{"from": "encoder.*", "to": "bert.encoder.*"}]}]), "--quiet")
    expected = {("bert." if name.startswith("encoder.") else "") + name: value for name, value in models()["base"].items()}
    compare(tensors(b.path("out.safetensors")), expected)


@check("a pipeline from standard input, with a variable set and the output's place overridden")
def _(b):
    node = {"op": "lerp", "base": "base", "models": ["tuned"], "t": {"var": "place"}}
    with open(b.pipeline(node, variables={"place": 0.1})) as file:
        text = file.read()
    b.weir("run", "-", "--quiet", "--set", "place=0.75", "-o", b.path("elsewhere"), text=text)
    compare(tensors(b.path("elsewhere")), each(lambda _, x, y: reference.lerp(x, y, 0.75), "base", "tuned"))
    expect(not os.path.exists(b.path("out")), "the place in the pipeline was written to as well")


# Promises ---------------------------------------------------------------------------------------------------------------

EVERYTHING = {
    "elected": {"op": "ties", "base": "base", "density": 0.2, "models": weighted(("tuned", 0.6), ("left", 0.4))},
    "dropped": {"op": "dare_ties", "base": "base", "density": 0.5, "seed": 3, "rescale_rule": "l1", "models": ["left", "right"],
                "weight": 0.5},
    "arc": {"op": "slerp", "base": "elected", "models": ["dropped"], "t": 0.3},
    "rows": {"op": "nuslerp", "models": weighted(("arc", 1), ("tuned", 1)), "nuslerp_flatten": False},
    "merged": {"op": "ties", "variant": "paper", "base": "base", "density": 0.3, "models": ["rows", "right"]},
}


def digest(folder):
    total = hashlib.sha256()
    for path in sorted(glob.glob(os.path.join(folder, "*.safetensors*"))):
        total.update(os.path.basename(path).encode())
        with open(path, "rb") as file:
            total.update(file.read())
    return total.hexdigest()


@check("the same bytes on any number of threads, with any budget")
def _(b):
    first = None
    for flags in (["--threads", "1"], ["--threads", "2"], ["--threads", "8"], ["--threads", "2", "--memory", "64M"]):
        b.weir("run", b.pipeline(graph=EVERYTHING, output={"shard_size": "20MB"}), "--quiet", *flags)
        found = digest(b.path("out"))
        first = first or found
        expect(found == first, f"other bytes with {' '.join(flags)} than with --threads 1")
        shutil.rmtree(b.path("out"))


for budget in (None, "64M"):
    @check(f"peak memory, {'default budget' if budget is None else 'a budget of ' + budget}")
    def _(b, budget=budget):
        limit = (352 << 20 if budget is None else 64 << 20) + ALLOWANCE
        nodes = [{"op": "linear", "models": ["base", "tuned", "left", "right"], "weight": 1},
                 {"op": "ties", "base": "base", "models": ["tuned", "left", "right"], "weight": 1, "density": 0.2},
                 {"op": "slerp", "base": "base", "models": ["tuned"], "t": 0.5}]
        for node in nodes:
            b.run(node, {"dtype": "f32"}, *([] if budget is None else ["--memory", budget]))
            peak = b.usage["peak_bytes"]
            expect(peak <= limit, f"{node['op']} took {peak / (1 << 20):.0f} MiB, expected at most {limit / (1 << 20):.0f}")
            shutil.rmtree(b.path("out"))


@check("an output that is there already is not written over unless told")
def _(b):
    node = {"op": "passthrough", "models": ["base"]}
    b.run(node)
    before = digest(b.path("out"))
    path = b.pipeline({"op": "passthrough", "models": ["tuned"]})
    _, said = b.weir("run", path, "--quiet", code=2)
    expect(said.startswith("error: ") and said.count("\n") == 1, f"expected one line, found {said!r}")
    expect(digest(b.path("out")) == before, "the output changed all the same")
    b.weir("run", path, "--quiet", "--overwrite")
    compare(tensors(b.path("out")), models()["tuned"])


@check("a truncated input is an error that names it, and leaves nothing under a final name")
def _(b):
    os.mkdir(b.path("short"))
    with open(os.path.join(sources()["tuned"], "model.safetensors"), "rb") as file:
        whole_file = file.read()
    with open(b.path("short", "model.safetensors"), "wb") as file:
        file.write(whole_file[:-100])
    path = b.pipeline({"op": "linear", "models": ["base", "short"]}, sources={**sources(), "short": b.path("short")})
    report = subprocess.run([b.program, "run", path, "--quiet"], capture_output=True, text=True)
    expect(report.returncode in (1, 2), f"exit code {report.returncode}, expected 1 or 2")
    expect("model.safetensors" in report.stderr and report.stderr.count("\n") == 1, f"expected one line that names the file, found {report.stderr!r}")
    expect(not os.path.exists(b.path("out")), "an output is there under its final name")


@check("plan and inspect answer in JSON")
def _(b):
    path = b.pipeline({"op": "ties", "base": "base", "density": 0.2, "models": ["tuned", "left"], "weight": 1})
    json.loads(b.weir("plan", path, "--json")[0])
    json.loads(b.weir("inspect", sources()["base"], "--json")[0])
    expect(not os.path.exists(b.path("out")), "a plan has written something")


# The examples -----------------------------------------------------------------------------------------------------------

LLAMA = ["32", "32", "64", "128", "16", "4", "2", "2", "2"]  # layers, widths, vocabulary, heads, shards, fine-tunes


@check("every file in pipelines/")
def _(b):
    shutil.copytree(os.path.join(ROOT, "pipelines"), b.path("pipelines"))
    subprocess.run([sys.executable, os.path.join(BENCHMARKS, "make_family.py"), b.path("models"), *LLAMA],
                   check=True, stdout=subprocess.DEVNULL)
    os.rename(b.path("models", "ft1"), b.path("models", "math"))
    os.rename(b.path("models", "ft2"), b.path("models", "code"))
    for name in ("math", "code"):
        # Squares stand for Fisher information.
        squares = {k: v.astype(np.float32) ** 2 for k, v in tensors(b.path("models", name)).items() if is_float(v)}
        os.mkdir(b.path("models", f"{name}-fisher"))
        save_file(squares, b.path("models", f"{name}-fisher", "model.safetensors"), metadata={"format": "pt"})
    subprocess.run([sys.executable, os.path.join(ROOT, "Demo", "digits.py"), "--train-only", b.path("demo-output")], check=True)
    wrong = []
    for path in sorted(glob.glob(b.path("pipelines", "*.json"))):
        name = os.path.basename(path)
        try:
            with open(path) as file:
                pipeline = json.load(file)
            expect(pipeline.get("note"), "it begins without a note")
            b.weir("plan", path)
            _, said = b.weir("run", path, "--quiet")
            expect(not said, f"it warns: {said.strip()}")
            for output in pipeline["outputs"]:
                found = tensors(os.path.normpath(b.path("pipelines", output["to"])))
                expect(all(np.isfinite(v.astype(np.float32)).all() for v in found.values()), "its output is not finite")
        except Failure as failure:
            wrong.append(f"{name}: {failure}")
    expect(not wrong, "\n        ".join(wrong))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weir", default=os.path.join(ROOT, ".build", "release", "weir"), help="the program (default: the release build)")
    parser.add_argument("words", nargs="*", metavar="WORD", help="run only checks whose title has every word")
    arguments = parser.parse_args()
    program = os.path.abspath(arguments.weir)
    if not os.access(program, os.X_OK):
        sys.exit(f"'{arguments.weir}' is not there; build it with 'make'")
    models()
    check.entries += archives.check.entries
    check.entries += adapters.check.entries
    check.entries += vocabularies.check.entries
    passed, failed = check.run(program, arguments.words)
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
