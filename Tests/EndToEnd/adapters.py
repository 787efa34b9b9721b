"""End-to-end checks of LoRA adapters: the program against the definitions in numpy, on the real encoder and on small models.

Adapters are made here as PEFT writes them, with random factors; what the program writes is compared with what their definition
gives in double precision.
"""
import json
import os

import numpy as np
from safetensors.numpy import load_file, save_file

from harness import Checks, expect, is_float, models, sources, tensors

check = Checks()
PREFIX = "base_model.model."


def write(folder, config, factors):
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "adapter_config.json"), "w") as file:
        json.dump({"peft_type": "LORA", **config}, file)
    save_file({PREFIX + name: np.ascontiguousarray(value) for name, value in factors.items()},
              os.path.join(folder, "adapter_model.safetensors"))
    return folder


def close(found, expected, tolerance, title):
    expect(found.shape == expected.shape, f"{title}: shape {found.shape}, expected {expected.shape}")
    error = np.max(np.abs(found - expected) / np.maximum(1, np.abs(expected)), initial=0)
    expect(error <= tolerance, f"{title}: off by {error:.3g}, expected at most {tolerance}")


def rank_of(number):
    return 1 + number % 7


def real_adapter(folder, base, seed, dora=False):
    """An adapter of all matrices of the real encoder's layers, and of its word embedding; the change of each."""
    random = np.random.default_rng(seed)
    factors, changes, ranks = {}, {}, {}
    names = sorted(name for name, value in base.items() if value.ndim == 2 and ".layer." in name)
    for number, name in enumerate(names):
        module, rank = name.removesuffix(".weight"), rank_of(number)
        rows, columns = base[name].shape
        a = random.standard_normal((rank, columns)).astype(np.float32) * 0.02
        b = random.standard_normal((rows, rank)).astype(np.float32)
        factors[f"{module}.lora_A.weight"], factors[f"{module}.lora_B.weight"] = a, b
        ranks[module.replace(".", r"\.")] = rank
        changes[name] = 16 / rank * (b.astype(np.float64) @ a)
        if dora:
            total = base[name].astype(np.float64) + changes[name]
            lengths = (np.abs(random.standard_normal(rows)) + 0.5).astype(np.float32)
            factors[f"{module}.lora_magnitude_vector"] = lengths
            changes[name] = total * (lengths / np.linalg.norm(total, axis=1))[:, None] - base[name]
    if not dora:
        name = next(name for name in base if name.endswith("word_embeddings.weight"))
        module, (rows, columns) = name.removesuffix(".weight"), base[name].shape
        a = random.standard_normal((4, rows)).astype(np.float32) * 0.02
        b = random.standard_normal((columns, 4)).astype(np.float32)
        factors[f"{module}.lora_embedding_A"], factors[f"{module}.lora_embedding_B"] = a, b
        changes[name] = 16 / 4 * (b.astype(np.float64) @ a).T
    config = {"r": 4, "lora_alpha": 16, "rank_pattern": ranks, "use_dora": dora, "fan_in_fan_out": False}
    return write(folder, config, factors), changes


def real_base():
    models()
    return {name: value.astype(np.float64) for name, value in tensors(sources()["base"]).items() if is_float(value)}


@check("an adapter of the real encoder, applied")
def _(b):
    base = real_base()
    for dora in (False, True):
        adapter, changes = real_adapter(b.path(f"adapter-{dora}"), base, 1, dora)
        out = b.path(f"out-{dora}.safetensors")
        b.weir("apply", sources()["base"], adapter, "-o", out, "--dtype", "f32", "--quiet")
        found = tensors(out)
        for name, value in base.items():
            close(found[name].astype(np.float64), value + changes.get(name, 0), 1e-5, f"{name}, DoRA {dora}")


@check("two adapters by TIES, as the models that they stand for")
def _(b):
    base = real_base()
    paths, merged = [], []
    for seed in (1, 2):
        adapter, _ = real_adapter(b.path(f"a{seed}"), base, seed)
        paths.append(adapter)
        merged.append(b.path(f"m{seed}.safetensors"))
        b.weir("apply", sources()["base"], adapter, "-o", merged[-1], "--dtype", "f32", "--quiet")
    one, two = b.path("one.safetensors"), b.path("two.safetensors")
    more = ["--density", "0.3", "--dtype", "f32", "--quiet"]
    b.weir("merge", "ties", "--base", sources()["base"], *(path + ":0.5" for path in paths), "-o", one, *more)
    b.weir("merge", "ties", "--base", sources()["base"], *(path + ":0.5" for path in merged), "-o", two, *more)
    first, second = tensors(one), tensors(two)
    for name in base:
        # Beside the threshold an element may fall on the other side: the model's rounding has moved it.
        differ = np.abs(first[name].astype(np.float64) - second[name]) > 1e-5 * np.maximum(1, np.abs(second[name]))
        expect(np.count_nonzero(differ) <= 1e-3 * differ.size + 1, f"{name}: {np.count_nonzero(differ)} elements differ")


@check("the same bytes on any number of threads and in any memory, BASE+ADAPTER")
def _(b):
    adapter, _ = real_adapter(b.path("adapter"), real_base(), 3, dora=True)
    made = []
    for number, flags in enumerate((["--threads", "1"], ["--threads", "3", "--memory", "128MiB"], ["--threads", "2", "--memory", "1GiB"])):
        out = b.path(f"out{number}.safetensors")
        b.weir("merge", "linear", f"{sources()['base']}+{adapter}:0.7", sources()["base"] + ":0.3", "-o", out, "--quiet", *flags)
        with open(out, "rb") as file:
            made.append(file.read())
    expect(made[0] == made[1] == made[2], "bytes differ")


@check("every flag of an adapter, on a small model")
def _(b):
    random = np.random.default_rng(4)

    def numbers(*shape):
        return random.standard_normal(shape).astype(np.float32)

    base = {"model.embed_tokens.weight": numbers(11, 6), "h.0.c.weight": numbers(6, 6), "h.1.c.weight": numbers(6, 9),
            "h.0.conv.weight": numbers(5, 3, 3, 2), "h.0.p.weight": numbers(5, 3, 1, 1), "h.0.q.weight": numbers(4, 6),
            "h.0.q.bias": numbers(4), "norm.weight": numbers(6), "score.weight": numbers(2, 6)}
    folder = b.path("base")
    os.makedirs(folder)
    save_file(base, os.path.join(folder, "model.safetensors"))
    for rooted in (False, True):
        config = {"r": 2, "lora_alpha": 3, "use_rslora": rooted, "fan_in_fan_out": True, "lora_bias": True,
                  "rank_pattern": {"h.1.c": 5}, "alpha_pattern": {r"h\.\d\.conv": 7}, "modules_to_save": ["score", "classifier"]}

        def scale(alpha, rank):
            return alpha / (np.sqrt(rank) if rooted else rank)

        factors = {"model.embed_tokens.lora_embedding_A": numbers(2, 11), "model.embed_tokens.lora_embedding_B": numbers(6, 2),
                   "h.0.c.lora_A.weight": numbers(2, 6), "h.0.c.lora_B.weight": numbers(6, 2),
                   "h.1.c.lora_A.weight": numbers(5, 6), "h.1.c.lora_B.weight": numbers(9, 5),
                   "h.0.conv.lora_A.weight": numbers(2, 3, 3, 2), "h.0.conv.lora_B.weight": numbers(5, 2, 1, 1),
                   "h.0.p.lora_A.weight": numbers(2, 3, 1, 1), "h.0.p.lora_B.weight": numbers(5, 2, 1, 1),
                   "h.0.q.lora_A.weight": numbers(2, 6), "h.0.q.lora_B.weight": numbers(4, 2), "h.0.q.lora_B.bias": numbers(4),
                   "norm.weight": numbers(6), "score.weight": numbers(2, 6)}
        wide = {name: value.astype(np.float64) for name, value in factors.items()}

        def pair(module):
            return wide[module + ".lora_A.weight"], wide[module + ".lora_B.weight"]

        expected = {name: value.astype(np.float64) for name, value in base.items()}
        expected["model.embed_tokens.weight"] += scale(3, 2) * (
            wide["model.embed_tokens.lora_embedding_B"] @ wide["model.embed_tokens.lora_embedding_A"]).T
        for module, rank in (("h.0.c", 2), ("h.1.c", 5)):
            a, c = pair(module)
            expected[module + ".weight"] += scale(3, rank) * (c @ a).T
        for module, alpha in (("h.0.conv", 7), ("h.0.p", 3)):
            a, c = pair(module)
            expected[module + ".weight"] += scale(alpha, 2) * np.einsum("orxy,rikl->oikl", c, a)
        a, c = pair("h.0.q")
        expected["h.0.q.weight"] += scale(3, 2) * (c @ a)
        expected["h.0.q.bias"] += scale(3, 2) * wide["h.0.q.lora_B.bias"]
        expected.update({name: wide[name] for name in ("norm.weight", "score.weight")})
        adapter = write(b.path(f"adapter-{rooted}"), config, factors)
        out = b.path(f"out-{rooted}")
        b.weir("apply", folder, adapter, "-o", out, "--quiet")
        found = load_file(os.path.join(out, "model.safetensors"))
        expect(sorted(found) == sorted(expected), f"tensors are {sorted(found)}")
        for name, value in expected.items():
            close(found[name].astype(np.float64), value, 1e-5, f"{name}, rsLoRA {rooted}")
        told = json.loads(b.weir("inspect", adapter, "--json")[0])
        expect([module["rank"] for module in told["adapter"]["modules"] if module["name"] == "h.1.c"] == [5], "rank of h.1.c")
