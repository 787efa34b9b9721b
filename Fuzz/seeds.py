"""Makes the seeds in Fuzz/Corpus: what the fuzzer starts from, a folder for each target.

    .venv/bin/python Fuzz/seeds.py

They are small, and made from what the repository has anyway: golden archives, example pipelines, and a few texts written here.
Archives, their indexes and their blocks come from Tests/Fixtures/archives; the 32 bytes before a block choose codec and place,
as Fuzz/Targets/FuzzTarget+Archives.swift reads them.
"""
import glob
import json
import os
import shutil
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
sys.path.insert(0, os.path.join(ROOT, "python"))
import weir_archive

DTYPES = ["BF16", "F16", "F32"]
LARGEST = 3000

JSON = [
    b"{}", b"[]", b'"text"', b"-0.5e+10", b"null", b"[true, false, null]", b'{"a": {"b": [1, 2.5, "\\u00e9\\ud83d\\ude00\\n"]}}',
    b"[" * 40 + b"]" * 40, '{"größe": "\N{GRINNING FACE}"}'.encode(), b"[1e400, NaN, Infinity, -Infinity]", b"[0, -0, 1E5]",
    b"\xef\xbb\xbf{}", b'{"a": 1, "a": 2}', b'["\\ud800"]', b"[18446744073709551616]",
]

HEADERS = [
    b"{}", b'{"__metadata__":{"format":"pt"}}',
    b'{"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}}        ',
    b'{"a":{"dtype":"BF16","shape":[],"data_offsets":[0,2]},"b":{"dtype":"F8_E4M3","shape":[0,4],"data_offsets":[2,2]}}',
    b'{"b":{"shape":[2],"data_offsets":[8,24],"dtype":"I64"},"__metadata__":{},"a":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}}',
    b'{"a":{"dtype":"F4","shape":[3],"data_offsets":[0,2]}}', b'{"a":{"dtype":"U8","shape":[9223372036854775807,2],"data_offsets":[0,18446744073709551615]}}',
]

INDEXES = [
    {"metadata": {"total_size": 12}, "weight_map": {"a": "model-1.safetensors", "b": "model-1.safetensors"}},
    {"weight_map": {"a": "../model-1.safetensors"}}, {"weight_map": {"a": "model-1.bin"}}, {"weight_map": {}},
    {"weight_map": {"a": "model-1.safetensors", "c": "model-2.safetensors"}}, {"weight_map": {"a": 1}},
]

CONFIGS = [
    {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "num_hidden_layers": 3, "torch_dtype": "float32",
     "layer_types": ["full", "full", "sliding"], "rope_scaling": None},
    {"text_config": {"num_hidden_layers": 3, "dtype": None, "mlp_only_layers": [0, 2]}, "vision_config": {"num_hidden_layers": 3}},
    {"quantization_config": {"quant_method": "gptq", "bits": 4}}, {"quantization": {"bits": 4}},
    {"peft_type": "LORA", "r": 8, "lora_alpha": 16, "target_modules": ["q_proj"]},
    {"model": {"vocab": {"the": 0, "a": 1}, "merges": ["t h"]}, "added_tokens": [{"id": 2, "content": "<s>"}]},
    {"model": {"vocab": [["the", -1.0], ["a", -2.0]]}, "added_tokens": []},
]

TOKENIZERS = [
    {"model": {"type": "BPE", "vocab": {"the": 0, "a": 1}, "merges": ["t h"]},
     "added_tokens": [{"id": 2, "content": "<s>", "special": True, "lstrip": False}]},
    {"model": {"type": "Unigram", "vocab": [["the", -1.0], ["a", -2.0]]}, "added_tokens": []}, {"the": 0, "a": 1, "of": 5},
    {"model": {"vocab": {"a": 0, "b": 0}}}, {"a": -1}, {"model": {"vocab": {"a": 4294967296}}},
]

ADAPTERS = [
    {"peft_type": "LORA", "r": 8, "lora_alpha": 16, "target_modules": ["q_proj"]},
    {"peft_type": "LORA", "r": 2, "lora_alpha": 4.5, "use_rslora": True, "use_dora": True, "fan_in_fan_out": True, "bias": "all",
     "rank_pattern": {"^model\\.layers\\.\\d+\\.q_proj$": 4, "k_proj": 1}, "alpha_pattern": {"q_proj": 32}, "modules_to_save": ["lm_head"]},
    {"r": 0}, {"peft_type": "LOHA"}, {"rank_pattern": {"(a|b)*[c-d]+?": 3}},
]

MANIFESTS = [
    {"weir_manifest": 1, "fingerprint": "99aa06d3014798d86001c324468d497f", "tensors": {}, "files": {}},
    {"weir_manifest": 1, "fingerprint": "0" * 32, "tensors": {"w": "0" * 32}, "files": {"model.safetensors": {"bytes": 72, "sha256": "00"}}},
    {"weir_manifest": 2}, {"weir_manifest": 1, "tensors": {"w": "x"}}, {"weir_manifest": 1, "files": {"../x": {"bytes": -1}}},
]

COEFFICIENTS = [{"a": 1, "b": {"x": 0.5, "*": [1, 2]}}, {"a": {"*": 0.1}}, {"a": {"x": []}}, [1]]


def text(value):
    return json.dumps(value).encode()


def choice(t, first, count, has_base, shared=0):
    """The bytes that make the block target decode as tensor `t` of an archive does."""
    flags = has_base | DTYPES.index(t.dtype) << 1
    # Small blocks unless they say otherwise, so that most of what comes of them is small and quick.
    flags |= (t.row > 4096) << 3 | (count > 8192) << 4
    # What is bit 4 and up in the file says: values in bf16, or elements of the result.
    if t.codec == 2 and t.flags & 8 or t.codec == 9 and t.flags & 16:
        flags |= 32
    key, limit = t.mask or (0, 0)
    return struct.pack("<BBHHHIIQQ", t.codec, flags, shared, first & 0xFFFF, max(0, t.rank - 1), count - 1, t.row - 1, key, limit)


def archive_seeds():
    for path in sorted(glob.glob(os.path.join(ROOT, "Tests", "Fixtures", "archives", "v1", "*.tv.safetensors"))):
        name = os.path.basename(path).split(".")[0]
        with open(path, "rb") as file:
            data = file.read()
        if len(data) < 2 * LARGEST:
            yield "archive", name, data
        archive = weir_archive.open(path)
        index = weir_archive.tensors_of(path)["__tva_index__"][2].tobytes()
        yield "archive-index", name, index[:-16]
        taken = {}
        for t in archive.tensors.values():
            if t.codec < 1 or t.dtype not in DTYPES or not t.size:
                continue
            shared = archive.block(t, 0) if t.codec == 11 else b""
            for number in range(len(t.blocks) - (t.codec == 11)):
                payload = archive.block(t, number + (t.codec == 11))
                first, count = number * t.length, min(t.length, t.size - number * t.length)
                if len(payload) + len(shared) <= LARGEST and first < 1 << 16 and taken.setdefault(t.codec, 0) < 2:
                    taken[t.codec] += 1
                    yield "block", f"{name}-{t.codec}-{taken[t.codec]}", choice(t, first, count, t.has_base, len(shared)) + shared + payload


def seeds():
    for target, values in (("json", JSON), ("header", HEADERS)):
        for number, value in enumerate(values):
            yield target, str(number), value
    for target, values in (("index", INDEXES), ("config", CONFIGS), ("tokenizer", TOKENIZERS), ("adapter", ADAPTERS),
                           ("manifest", MANIFESTS), ("coefficients", COEFFICIENTS)):
        for number, value in enumerate(values):
            yield target, str(number), text(value)
    for path in sorted(glob.glob(os.path.join(ROOT, "Tests", "Conformance", "recipes", "*.yml")))[::6]:
        with open(path, "rb") as file:
            yield "pipeline", "recipe-" + os.path.basename(path).split(".")[0], file.read()
    for path in sorted(glob.glob(os.path.join(ROOT, "pipelines", "*.json"))):
        with open(path, "rb") as file:
            yield "pipeline", os.path.basename(path).split(".")[0], file.read()
    yield from archive_seeds()


def main():
    corpus = os.path.join(HERE, "Corpus")
    shutil.rmtree(corpus, ignore_errors=True)
    count = size = 0
    for target, name, data in seeds():
        os.makedirs(os.path.join(corpus, target), exist_ok=True)
        with open(os.path.join(corpus, target, name), "wb") as file:
            file.write(data)
        count, size = count + 1, size + len(data)
    print(f"{count} seeds, {size} bytes")


if __name__ == "__main__":
    main()
