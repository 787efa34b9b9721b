#!/usr/bin/env python3
"""Makes the models and the results that Weir's recipes are compared with, by running mergekit itself.

    python3 Tests/Conformance/conformance.py FOLDER [RECIPE…]

Installs mergekit from PyPI into an environment in FOLDER (about 1 GB; once), makes the models of `models/`, runs every
recipe of `recipes/` (or those named), and writes `results.safetensors`: of each recipe the tensors of its result, end
to end in the order of their names, as F32, with the names and shapes in `results.json`, whose recipes say which layout
is theirs. Of a recipe whose name begins
with `random-` only what does not depend on the tool's generator is kept. Nothing of this runs in CI, which compares
Weir with what is committed.
"""

import json
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
VERSION = "0.1.4"
TORCH = "2.13.0"
TRANSFORMERS = "4.57.6"
SEED = 20250711


def environment(folder):
    """The Python that has mergekit, made where it is not there yet."""
    python = folder / "env" / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", folder / "env"], check=True)
        packages = [f"mergekit=={VERSION}", f"torch=={TORCH}", f"transformers=={TRANSFORMERS}"]
        subprocess.run([python, "-m", "pip", "install", "-q", *packages], check=True)
    return python


# What follows runs in that environment.


def llama(layers, hidden=8, inner=8, vocabulary=12, tied=False):
    shapes = {"model.embed_tokens.weight": (vocabulary, hidden)}
    for layer in range(layers):
        shapes |= {f"model.layers.{layer}.{name}": shape for name, shape in {
            "self_attn.q_proj.weight": (hidden, hidden), "self_attn.k_proj.weight": (hidden // 2, hidden),
            "self_attn.v_proj.weight": (hidden // 2, hidden), "self_attn.o_proj.weight": (hidden, hidden),
            "mlp.gate_proj.weight": (inner, hidden), "mlp.up_proj.weight": (inner, hidden),
            "mlp.down_proj.weight": (hidden, inner), "input_layernorm.weight": (hidden,),
            "post_attention_layernorm.weight": (hidden,)}.items()}
    shapes["model.norm.weight"] = (hidden,)
    if not tied:
        shapes["lm_head.weight"] = (vocabulary, hidden)
    config = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": hidden,
              "intermediate_size": inner, "num_hidden_layers": layers, "num_attention_heads": 2,
              "num_key_value_heads": 1, "vocab_size": vocabulary, "tie_word_embeddings": tied, "torch_dtype": "float32"}
    return shapes, config


def mixtral(layers=2, hidden=8, inner=6, experts=2, vocabulary=8):
    shapes = {"model.embed_tokens.weight": (vocabulary, hidden)}
    for layer in range(layers):
        at = f"model.layers.{layer}."
        shapes |= {at + "input_layernorm.weight": (hidden,), at + "post_attention_layernorm.weight": (hidden,),
                   at + "block_sparse_moe.gate.weight": (experts, hidden)}
        shapes |= {at + f"self_attn.{name}_proj.weight": (hidden, hidden) for name in "qkvo"}
        for expert in range(experts):
            shapes |= {at + f"block_sparse_moe.experts.{expert}.{name}.weight": shape
                       for name, shape in {"w1": (inner, hidden), "w2": (hidden, inner), "w3": (inner, hidden)}.items()}
    shapes |= {"model.norm.weight": (hidden,), "lm_head.weight": (vocabulary, hidden)}
    config = {"architectures": ["MixtralForCausalLM"], "model_type": "mixtral", "hidden_size": hidden,
              "intermediate_size": inner, "num_hidden_layers": layers, "num_attention_heads": 2,
              "num_key_value_heads": 2, "num_local_experts": experts, "vocab_size": vocabulary, "torch_dtype": "float32"}
    return shapes, config


def t5(layers=2, hidden=8, inner=6, vocabulary=8):
    shapes = {"shared.weight": (vocabulary, hidden), "lm_head.weight": (vocabulary, hidden)}
    for side, last in (("encoder", 1), ("decoder", 2)):
        for block in range(layers):
            at = f"{side}.block.{block}.layer."
            for step, kind in list(enumerate(["SelfAttention", "EncDecAttention"][:last])):
                shapes |= {at + f"{step}.{kind}.{name}.weight": (hidden, hidden) for name in "qkvo"}
                shapes[at + f"{step}.layer_norm.weight"] = (hidden,)
            if block == 0:
                shapes[at + "0.SelfAttention.relative_attention_bias.weight"] = (4, 2)
            shapes |= {at + f"{last}.DenseReluDense.{name}.weight": (inner, hidden) for name in ("wi_0", "wi_1")}
            shapes |= {at + f"{last}.DenseReluDense.wo.weight": (hidden, inner), at + f"{last}.layer_norm.weight": (hidden,)}
        shapes[f"{side}.final_layer_norm.weight"] = (hidden,)
    config = {"architectures": ["T5ForConditionalGeneration"], "model_type": "t5", "d_model": hidden, "d_kv": 4,
              "d_ff": inner, "num_layers": layers, "num_decoder_layers": layers, "num_heads": 2,
              "feed_forward_proj": "gated-gelu", "relative_attention_num_buckets": 4, "vocab_size": vocabulary, "torch_dtype": "float32"}
    return shapes, config


def make_models(folder):
    """A few fine-tunes of one base, and others; no two deltas of a tensor have one magnitude."""
    import numpy
    from safetensors.numpy import save_file

    generator = numpy.random.default_rng(SEED)

    def numbers(shape, scale):
        return (generator.standard_normal(shape) * scale).astype(numpy.float32)

    def write(name, tensors, config):
        (folder / name).mkdir(parents=True, exist_ok=True)
        save_file(tensors, folder / name / "model.safetensors", metadata={"format": "pt"})
        (folder / name / "config.json").write_text(json.dumps(config, indent=2) + "\n")

    def family(base, tuned, made, scale=0.2):
        shapes, config = made
        first = {name: numbers(shape, 0.3) for name, shape in shapes.items()}
        write(base, first, config)
        for name in tuned:
            # Every model changes other elements much, so that the models differ in what they change.
            write(name, {key: value + numbers(value.shape, scale) * generator.choice([0.2, 1], value.shape).astype(numpy.float32)
                         for key, value in first.items()}, config)

    family("base", ["a", "b", "c"], llama(4))
    family("deep", [], llama(6))
    family("tied-a", ["tied-b"], llama(2, tied=True))
    family("moe-a", ["moe-b"], mixtral())
    family("t5-a", ["t5-b"], t5())


def statistics(result, base, model):
    """What a random mask and its scale leave of a delta, whichever elements it keeps."""
    import numpy

    kept = total = 0
    ratios, scales = [], []
    for name, value in result.items():
        delta = model[name].astype(numpy.float64) - base[name]
        change = value.astype(numpy.float64) - base[name]
        is_kept = numpy.abs(change) > 1e-6 * numpy.abs(delta).max()
        kept += int(is_kept.sum())
        total += delta.size
        ratios.append(float(numpy.abs(change).sum() / numpy.abs(delta).sum()))
        factor = change[is_kept] / delta[is_kept]
        if factor.size:
            scales.append(float(numpy.abs(factor - numpy.median(factor)).max()))
    return {"kept": kept / total, "elements": total, "least_l1": min(ratios), "most_l1": max(ratios), "uneven": max(scales)}


def merge(path, documents, out, inner):
    """Runs a recipe as `mergekit-yaml` does, or `mergekit-multi` where it has several documents."""
    from mergekit.config import MergeConfiguration
    from mergekit.graph import Executor
    from mergekit.merge import MergeOptions, run_merge
    from mergekit.scripts.multimerge import load_config, make_tasks

    options = MergeOptions(copy_tokenizer=False, write_model_card=False, random_seed=SEED, quiet=True)
    if len(documents) == 1:
        run_merge(MergeConfiguration.model_validate(documents[0]), str(out), options)
        return
    configs, dependencies = load_config(path.read_text(), str(inner))
    tasks = make_tasks(configs, dependencies, options, str(inner), str(out), False)
    Executor(tasks, math_device="cpu", storage_device="cpu").execute()


def run(names, scratch):
    import numpy
    import yaml
    from safetensors.numpy import load_file, save_file

    make_models(HERE / "models")
    values, layouts, facts = {}, [], {"mergekit": VERSION, "torch": TORCH, "transformers": TRANSFORMERS,
                              "seed": SEED, "recipes": {}}
    os.chdir(HERE / "recipes")
    for path in sorted((HERE / "recipes").glob("*.yml")):
        if names and path.stem not in names:
            continue
        out = scratch / path.stem
        documents = list(yaml.safe_load_all(path.read_text()))
        try:
            merge(path, documents, out, scratch / f"{path.stem}-inner")
        except Exception as error:
            print(f"{path.stem}: mergekit failed: {error!r}", file=sys.stderr)
            continue
        result = {}
        for file in sorted(out.glob("*.safetensors")):
            result |= load_file(file)
        if path.stem.startswith("random-"):
            recipe = documents[0]
            base, model = (load_file(pathlib.Path(place) / "model.safetensors")
                           for place in (recipe["base_model"], recipe["models"][0]["model"]))
            facts["recipes"][path.stem] = statistics(result, base, model)
        else:
            order = sorted(result)
            values[path.stem] = numpy.concatenate([result[name].astype(numpy.float32).ravel() for name in order])
            layout = [[name, list(result[name].shape)] for name in order]
            if layout not in layouts:
                layouts.append(layout)
            facts["recipes"][path.stem] = {"layout": layouts.index(layout)}
        print(path.stem, flush=True)
    save_file(values, HERE / "results.safetensors", metadata={"mergekit": VERSION, "seed": str(SEED)})
    lines = ",\n".join(f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in facts["recipes"].items())
    head = ", ".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in facts.items() if key != "recipes")
    (HERE / "results.json").write_text("{" + head + ', "recipes": {\n' + lines + "\n},\n\"layouts\": [\n"
                                     + ",\n".join(f"  {json.dumps(layout)}" for layout in layouts) + "\n]}\n")


def main():
    folder = pathlib.Path(sys.argv[1]).resolve()
    if len(sys.argv) > 2 and sys.argv[2] == "--inside":
        run(sys.argv[3:], folder / "out")
        return
    folder.mkdir(parents=True, exist_ok=True)
    shell = dict(os.environ, HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false")
    subprocess.run([environment(folder), __file__, folder, "--inside", *sys.argv[2:]], check=True, env=shell)


if __name__ == "__main__":
    main()
