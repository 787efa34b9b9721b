"""The models that benchmarks merge: made on demand below one folder, each once, and kept."""
import json
import os
import shutil

import ml_dtypes
import numpy as np

import make_adapter
import make_family
from make_family import Size

# m1b is what figures are about: 0.85 B parameters, 1.7 GB each in bfloat16. The others try scripts, and count instructions slowly.
FAMILIES = {"m1b": Size(16, 2048, 5632, 32000, 512, 32, 8, 2), "tiny": Size(2, 64, 128, 256, 16, 4, 2, 2),
            "half": Size(1, 256, 768, 2048, 64, 8, 2, 1), "small": Size(1, 512, 1536, 4096, 128, 8, 2, 1)}
# Llama 3 of 70 billion parameters.
LARGE = Size(80, 8192, 28672, 128256, 1024, 64, 8, 30)
WIDTH = {"bf16": 2, "f16": 2, "f32": 4}


def folder():
    """Where benchmarks keep models and write outputs: BENCH_DIR, or bench-output in the project."""
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    path = os.path.abspath(os.environ.get("BENCH_DIR") or os.path.join(root, "bench-output"))
    os.makedirs(path, exist_ok=True)
    return path


def parameters(name):
    return sum(map(make_family.elements, make_family.shapes(FAMILIES[name]).values()))


def model_bytes(name, dtype="bf16"):
    return parameters(name) * WIDTH[dtype]


def made(path, write):
    """Makes a folder by `write(path)` unless it is there; half of one never stands under its name."""
    if any(os.path.exists(os.path.join(path, name)) for name in ("config.json", "adapter_config.json")):
        return path
    part = path + ".part"
    shutil.rmtree(path, ignore_errors=True)
    shutil.rmtree(part, ignore_errors=True)
    print(f"writing {path}", flush=True)
    write(part)
    os.rename(part, path)
    return path


def family(place, name, dtype="bf16", models=("base", "ft1", "ft2")):
    """Makes the models of a family that are missing; returns its folder. Other types than bf16 are the bf16 values, converted."""
    size, plain = FAMILIES[name], os.path.join(place, name)
    os.makedirs(plain, exist_ok=True)
    for model in models:
        made(os.path.join(plain, model), lambda part: write(part, size, model))
    if dtype == "bf16":
        return plain
    converted = f"{plain}-{dtype}"
    os.makedirs(converted, exist_ok=True)
    for model in models:
        if adapter(model):
            made(os.path.join(converted, model), lambda part: write(part, size, model))
            continue
        values = stored(os.path.join(plain, model))
        made(os.path.join(converted, model), lambda part: make_family.write(
            part, make_family.shapes(size), values, size.shards, dtype, make_family.config(size, dtype)))
    return converted


def adapter(model):
    """The rank and number of an adapter, by its name: lora8-1; None of a model."""
    return tuple(map(int, model.removeprefix("lora").split("-"))) if model.startswith("lora") else None


def write(part, size, model):
    """Writes the base, a fine-tune or an adapter, by its name."""
    if adapter(model):
        make_adapter.write_adapter(part, size, *adapter(model))
    else:
        make_family.write_model(part, size, int(model.removeprefix("ft")) if model != "base" else 0)


def stored(path):
    """A function of a tensor's name and shape that reads the tensor, as F32, from a bf16 checkpoint."""
    places = {}
    for file_path in shards(path):
        with open(file_path, "rb") as file:
            length = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(length))
        places |= {name: (file_path, 8 + length + entry["data_offsets"][0]) for name, entry in header.items() if name != "__metadata__"}

    def values(name, shape):
        file_path, offset = places[name]
        return np.fromfile(file_path, ml_dtypes.bfloat16, make_family.elements(shape), offset=offset).astype(np.float32)
    return values


def large_headers(place):
    """The headers of a model of 70 billion parameters, three times, in sparse files."""
    plain = os.path.join(place, "sparse70b")
    for model in ("base", "ft1", "ft2"):
        made(os.path.join(plain, model), lambda part: make_family.write(
            part, make_family.shapes(LARGE), lambda name, shape: None, LARGE.shards, configuration=make_family.config(LARGE)))
    return plain


def shards(path):
    """The safetensors files of a checkpoint's folder, or of an archive, which is one."""
    if not os.path.isdir(path):
        return [path]
    return [os.path.join(path, name) for name in sorted(os.listdir(path)) if name.endswith(".safetensors")]


def size_of(paths):
    return sum(os.path.getsize(path) for path in paths)


def remove(path):
    if path and os.path.isdir(path):
        shutil.rmtree(path)
    elif path and os.path.exists(path):
        os.remove(path)
