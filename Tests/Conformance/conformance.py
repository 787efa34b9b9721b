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
import shutil
import subprocess
import sys

from families import SEED, make_models

HERE = pathlib.Path(__file__).resolve().parent
VERSION = "0.1.4"
TORCH = "2.13.0"
TRANSFORMERS = "4.57.6"
PEFT = "0.21.2"


def environment(folder):
    """The Python that has mergekit, made where it is not there yet."""
    python = folder / "env" / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", folder / "env"], check=True)
        packages = [f"mergekit=={VERSION}", f"torch=={TORCH}", f"transformers=={TRANSFORMERS}", f"peft=={PEFT}"]
        subprocess.run([python, "-m", "pip", "install", "-q", *packages], check=True)
    return python


# What follows runs in that environment.


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

    options = MergeOptions(copy_tokenizer=False, write_model_card=False, random_seed=SEED, quiet=True,
                           lora_merge_cache=str(inner))
    if len(documents) == 1:
        run_merge(MergeConfiguration.model_validate(documents[0]), str(out), options)
        return
    configs, dependencies = load_config(path.read_text(), str(inner))
    tasks = make_tasks(configs, dependencies, options, str(inner), str(out), False)
    Executor(tasks, math_device="cpu", storage_device="cpu").execute()


def vocabulary(out):
    """The tokens of a result by their rows, where it has a tokenizer of its own."""
    if not (out / "tokenizer.json").exists():
        return {}
    tokenizer = json.loads((out / "tokenizer.json").read_text())
    tokens = {**tokenizer["model"]["vocab"], **{entry["content"]: entry["id"] for entry in tokenizer["added_tokens"]}}
    return {"tokens": sorted(tokens, key=tokens.get), "vocab_size": json.loads((out / "config.json").read_text())["vocab_size"]}


def run(names, scratch):
    import numpy
    import yaml
    from safetensors.numpy import load_file, save_file

    # Adapters that were merged before would be taken again, whatever they are now.
    shutil.rmtree(scratch, ignore_errors=True)
    make_models(HERE / "models")
    values, layouts, facts = {}, [], {"mergekit": VERSION, "torch": TORCH, "transformers": TRANSFORMERS, "peft": PEFT,
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
            # What the tool itself cannot run is recorded as such.
            print(f"{path.stem}: mergekit fails: {error!r}", file=sys.stderr, flush=True)
            facts["recipes"][path.stem] = {"fails": f"{type(error).__name__}: {error}".splitlines()[0]}
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
            facts["recipes"][path.stem] = {"layout": layouts.index(layout), **vocabulary(out)}
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
    # The tool keeps models in sets, whose order is another one in each process unless this is set.
    shell = dict(os.environ, HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false", PYTHONHASHSEED="0")
    subprocess.run([environment(folder), __file__, folder, "--inside", *sys.argv[2:]], check=True, env=shell)


if __name__ == "__main__":
    main()
