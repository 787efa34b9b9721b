"""Writes small checkpoints in which everything occurs that an archive has to keep: what golden archives are made of.

    family.py OUT        OUT/base, OUT/tuned, OUT/adapter, OUT/change.safetensors; the same bytes every time

All numbers come from integers by a generator written out here, so that no library's new version changes them.
"""
import json
import os
import struct
import sys

import ml_dtypes
import numpy as np

NAMES = {np.dtype("f8"): "F64", np.dtype("f4"): "F32", np.dtype("f2"): "F16", np.dtype(ml_dtypes.bfloat16): "BF16",
         np.dtype("i8"): "I64", np.dtype("u1"): "U8"}


def bits(seed, count):
    """`count` numbers of 64 bits: SplitMix64."""
    with np.errstate(over="ignore"):
        x = np.uint64(seed) * np.uint64(0xD1342543DE82EF95) + np.uint64(0x9E3779B97F4A7C15) * np.arange(1, count + 1, dtype=np.uint64)
        x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9
        x = (x ^ x >> 27) * 0x94D049BB133111EB
        return x ^ x >> 31


def normal(seed, shape, scale):
    """Nearly normal numbers: sums of eight bytes, which are exact."""
    count = int(np.prod(shape))
    total = bits(seed, count).view(np.uint8).reshape(count, 8).sum(axis=1, dtype=np.int64) - 1020
    return (total.reshape(shape) * (scale / 256)).astype(np.float32)


def write(path, tensors, metadata):
    header, offset = {"__metadata__": metadata}, 0
    for name, value in tensors.items():
        header[name] = {"dtype": NAMES[value.dtype], "shape": list(value.shape), "data_offsets": [offset, offset + value.nbytes]}
        offset += value.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(value.tobytes() for value in tensors.values()))


def models():
    """The tensors of base and tuned."""
    bf16, base, tuned = ml_dtypes.bfloat16, {}, {}

    def add(name, seed, shape, dtype, change, rows=None, octaves=1):
        value = normal(seed, shape, 0.02)
        if octaves > 1:
            value = value * np.exp2(-(np.arange(shape[1], dtype=np.float32) % octaves))
        # Rows of different sizes and elements that stay as they are, as real fine-tunes have them.
        size = np.float32(change) * (1 + np.arange(shape[0] if shape else 1, dtype=np.float32) % 5)
        step = normal(seed + 1000, shape, 1) * (size.reshape(-1, *[1] * (len(shape) - 1)) if shape else size[0])
        step = step * (bits(seed + 2000, int(np.prod(shape))).reshape(shape) % np.uint64(3) > 0)
        tuned[name] = np.asarray(value.astype(dtype).astype(np.float32) + step).astype(dtype)
        base[name] = np.asarray(value).astype(dtype) if rows is None else value[:rows].astype(dtype)

    add("model.embed.weight", 1, (44, 32), bf16, 4e-4, rows=40)  # a vocabulary that has grown
    add("model.layers.0.attention.weight", 2, (48, 32), bf16, 1e-3)
    add("model.layers.0.mlp.weight", 3, (32, 24), np.float16, 2e-3)
    add("model.layers.0.norm.weight", 4, (32,), np.float32, 1e-2)
    add("model.layers.1.attention.weight", 5, (48, 32), bf16, 0)
    add("model.layers.1.mlp.weight", 6, (20, 40), np.float32, 1e-3)
    add("model.layers.1.mlp.bias", 7, (20,), bf16, 3e-2)
    add("model.scale", 8, (), np.float32, 1e-1)
    add("model.double", 9, (6,), np.float64, 1e-1)
    # Steps smaller than most units in the last place, so that the base's exponents tell where elements change; the seed is one with which
    # two contexts of codec 5 share a class.
    add("model.layers.2.mlp.weight", 20, (64, 64), bf16, 2e-6, octaves=8)
    # Numbers that were BF16 before, as F32.
    add("model.layers.2.upcast.weight", 12, (24, 32), np.float32, 1e-3)
    for model in (base, tuned):
        model["model.layers.2.upcast.weight"] = model["model.layers.2.upcast.weight"].astype(bf16).astype(np.float32)
    base["model.mask"] = np.tile(np.arange(4, dtype=np.uint8), 32)
    tuned["model.mask"] = base["model.mask"][::-1].copy()
    base["model.steps"] = tuned["model.steps"] = np.arange(5)
    tuned["model.steps"] = tuned["model.steps"] + 7
    base["model.none"] = tuned["model.none"] = np.zeros((0, 4), np.float32)
    tuned["model.new.weight"] = normal(10, (8, 8), 0.02).astype(bf16)
    # A NaN with a payload, -0, an infinity: what changes are made of is bits.
    odd = np.array([0x7FC1, 0x8000, 0x7F80, 0x0001, 0x3F80, 0x3F81, 0xBF80, 0x0000], np.uint16)
    base["model.layers.1.odd"], tuned["model.layers.1.odd"] = odd.view(bf16), odd[::-1].copy().view(bf16)
    return base, tuned


def make(out):
    base, tuned = models()
    order = list(tuned)
    for name, tensors, shards in (("base", base, [order]), ("tuned", tuned, [order[:4], order[4:]])):
        folder = os.path.join(out, name)
        os.makedirs(folder)
        files = ["model.safetensors"] if len(shards) == 1 else [f"model-{i + 1:05d}-of-{len(shards):05d}.safetensors" for i in range(len(shards))]
        for file, names in zip(files, shards):
            write(os.path.join(folder, file), {n: tensors[n] for n in names if n in tensors}, {"format": "pt", "of": name})
        if len(shards) > 1:
            total = sum(value.nbytes for value in tensors.values())
            with open(os.path.join(folder, "model.safetensors.index.json"), "w") as index:
                json.dump({"metadata": {"total_size": total}, "weight_map": {n: f for f, ns in zip(files, shards) for n in ns}}, index, indent=2)
        with open(os.path.join(folder, "config.json"), "w") as config:
            json.dump({"model_type": "golden", "vocab_size": len(tensors["model.embed.weight"]), "torch_dtype": "bfloat16"}, config, indent=2)
        with open(os.path.join(folder, "vocab.txt"), "w") as vocabulary:
            vocabulary.write("\n".join(f"token{i}" for i in range(40)) + "\n")
    os.makedirs(os.path.join(out, "adapter"))
    with open(os.path.join(out, "adapter", "adapter_config.json"), "w") as config:
        json.dump({"peft_type": "LORA", "r": 4, "lora_alpha": 8, "target_modules": ["q_proj"], "base_model_name_or_path": "base"}, config)
    prefix = "base_model.model.layers.0.q_proj.lora_"
    write(os.path.join(out, "adapter", "adapter_model.safetensors"),
          {prefix + "A.weight": normal(20, (4, 64), 0.02), prefix + "B.weight": normal(21, (48, 4), 0.01).astype(ml_dtypes.bfloat16)}, {"format": "pt"})
    # More than 2^16 elements in a block, and more than one block.
    wide = normal(30, (5, 131072), 1e-3)
    wide *= bits(31, wide.size).reshape(wide.shape) % np.uint64(64) == 0
    write(os.path.join(out, "change.safetensors"),
          {"wide": wide, "rows": normal(32, (64, 48), 1e-3) * np.exp2(np.arange(64, dtype=np.float32) % 7)[:, None],
           "half": normal(33, (30, 20), 1e-2).astype(np.float16)}, {"format": "pt"})


if __name__ == "__main__":
    make(sys.argv[1])
