"""End-to-end checks of vocabularies: small models with made tokenizers, brought to one vocabulary by the program and by numpy.

The reference here follows the definition token by token, and knows nothing of how the program works.
"""
import json
import os

import numpy as np
from safetensors.numpy import load_file, save_file

from harness import Checks, expect

check = Checks()
NAMES = ("model.embed_tokens.weight", "lm_head.weight")


class Model:
    """A model folder with a tokenizer: plain tokens and special ones by their rows, and more rows than tokens."""

    def __init__(self, folder, plain, special, height, seed, columns=3):
        random = np.random.default_rng(seed)
        self.folder, self.plain, self.special, self.height = folder, plain, special, height
        self.weights = {name: random.standard_normal((height, columns)).astype(np.float32) for name in NAMES}
        self.weights["model.norm.weight"] = random.standard_normal(columns).astype(np.float32)
        os.makedirs(folder)
        save_file(self.weights, os.path.join(folder, "model.safetensors"))
        added = [{"id": row, "content": token, "special": True} for token, row in special.items()]
        self.dump("tokenizer.json", {"version": "1.0", "added_tokens": added,
                                     "model": {"type": "BPE", "vocab": plain, "merges": []}})
        self.dump("tokenizer_config.json", {"added_tokens_decoder": {str(row): {"content": t} for t, row in special.items()}})
        self.dump("config.json", {"vocab_size": height, "eos_token_id": next(iter(special.values()), None)})

    def dump(self, name, value):
        with open(os.path.join(self.folder, name), "w") as file:
            json.dump(value, file)

    @property
    def rows(self):
        return {t: r for t, r in {**self.plain, **self.special}.items() if r < self.height}


def union(models):
    tokens = dict(models[0].rows)
    height = max(tokens.values()) + 1
    special = {t for m in models for t, r in m.special.items() if r < m.height}
    for kind in ("plain", "special"):
        for m in models:
            for token, row in sorted(getattr(m, kind).items(), key=lambda pair: pair[1]):
                if row < m.height and token not in tokens and (kind == "special" or token not in special):
                    tokens[token] = height
                    height += 1
    return tokens, height


def aligned(models, number, name, tokens, height, owner=0, rules=None):
    own, rules = models[number], rules or {}
    out = np.zeros((height, own.weights[name].shape[1]))
    spare = models[owner].weights[name]
    out[:min(height, len(spare))] = spare[:height]
    for token, row in tokens.items():
        holders = [m for m in models if token in m.rows]
        rule, forced = rules.get(token, (None, False))
        if token in own.rows and not forced:
            out[row] = own.weights[name][own.rows[token]]
        elif rule is not None:
            out[row] = 0 if rule == "zero" else models[rule[0]].weights[name][rule[1]]
        elif len(holders) == 1:
            out[row] = holders[0].weights[name][holders[0].rows[token]]
        elif token in models[0].rows:
            out[row] = models[0].weights[name][models[0].rows[token]]
        else:
            out[row] = np.mean([m.weights[name][m.rows[token]].astype(np.float64) for m in holders], axis=0) if holders else 0
    return out


def family(b):
    letters = list("abcdefghijklmnop")
    return [
        Model(b.path("base"), {t: i for i, t in enumerate(letters[:10])}, {"<s>": 10, "</s>": 11}, 16, 1),
        # Another order, tokens of its own, one that is special here and plain there, and one beyond its rows.
        Model(b.path("one"), {t: i for i, t in enumerate(reversed(letters[3:14]))}, {"<s>": 11, "<one>": 12, "<far>": 20}, 14, 2),
        Model(b.path("two"), {t: i + 1 for i, t in enumerate(letters[5:])}, {"</s>": 0, "<one>": 12, "<two>": 13, "a": 14}, 15, 3),
    ]


def run(b, models, tokenizer, out, node=None):
    sources = {os.path.basename(m.folder): m.folder for m in models}
    node = node or {"op": "linear", "models": [{"from": n, "weight": w} for n, w in zip(sources, (0.5, 0.3, 0.2))]}
    path = b.pipeline(graph={"merged": node}, sources=sources, tokenizer=tokenizer,
                      outputs=[{"from": "merged", "to": out, "dtype": "f32"}])
    return b.weir("run", path, "--quiet")


def verify(b, models, out, tokens, height, owner=0, rules=None, pad=None):
    found = load_file(os.path.join(out, "model.safetensors"))
    for name in NAMES:
        parts = []
        for number in range(len(models)):
            part = aligned(models, number, name, tokens, pad or height, owner, rules)
            if pad:
                part[height:] = part[:height].mean(axis=0)
            parts.append(part)
        expected = 0.5 * parts[0] + 0.3 * parts[1] + 0.2 * parts[2]
        expect(found[name].shape == expected.shape, f"{name}: shape {found[name].shape}, expected {expected.shape}")
        error = np.abs(found[name] - expected).max()
        expect(error < 2e-6, f"{name}: off by {error}")
    with open(os.path.join(out, "tokenizer.json")) as file:
        made = json.load(file)
    written = {**made["model"]["vocab"], **{t["content"]: t["id"] for t in made["added_tokens"]}}
    expect(written == tokens, f"tokenizer.json has {written}, expected {tokens}")
    with open(os.path.join(out, "config.json")) as file:
        expect(json.load(file)["vocab_size"] == (pad or height), "vocab_size")


@check("the union of three vocabularies")
def _(b):
    models = family(b)
    tokens, height = union(models)
    run(b, models, "union", b.path("out"))
    verify(b, models, b.path("out"), tokens, max(height, 16))


@check("the union of three vocabularies, padded, with rules for tokens")
def _(b):
    models = family(b)
    tokens, height = union(models)
    tokens["<new>"], height = height, height + 1
    rules = {"<new>": ((1, 4), True), "c": ("zero", True), "<two>": ((0, models[0].rows["<s>"]), False)}
    run(b, models, {"source": "union", "pad_to_multiple_of": 32, "tokens": [
        {"token": "c", "zero": True, "force": True}, {"token": "<two>", "from": "base", "from_token": "<s>"},
        {"token": "<new>", "from": "one", "from_row": 4, "force": True}]}, b.path("out"))
    verify(b, models, b.path("out"), tokens, height, rules=rules, pad=(height + 31) // 32 * 32)


@check("the vocabulary of one model, with ids that follow it")
def _(b):
    models = family(b)
    run(b, models, "two", b.path("out"))
    verify(b, models, b.path("out"), models[2].rows, 15, owner=2)
    with open(b.path("out", "config.json")) as file:
        config = json.load(file)
    expect(config["eos_token_id"] == 10, f"eos_token_id is {config['eos_token_id']}: the new vocabulary lacks its token")


@check("models of other vocabularies are not merged without an instruction")
def _(b):
    models = family(b)
    path = b.pipeline(graph={"merged": {"op": "lerp", "base": "base", "models": ["one"], "t": 0.5}},
                      sources={"base": models[0].folder, "one": models[1].folder},
                      outputs=[{"from": "merged", "to": b.path("out")}])
    said = b.weir("run", path, "--quiet", code=2)[1]
    expect('"tokenizer"' in said, f"the remedy is missing: {said}")
