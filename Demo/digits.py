"""Merges networks that read handwritten digits, and ships a fine-tune of one as a task vector by every codec.

    python Demo/digits.py                       train, merge with the built program, print the table
    python Demo/digits.py --train-only FOLDER   only write base and experts
    python Demo/digits.py --score FOLDER        print the percentage that the network there reads rightly of what it may learn from

A small network is trained for a moment on scikit-learn's handwritten digits: the base. Three copies of it are trained on,
each mostly on its own digits, and forget much of the others. The four are written as safetensors, the pipelines in
pipelines/ merge them, and every network is tested on 540 images that none has seen. A fourth copy is trained on all digits; the
change from the base is archived by every codec, applied, and tested too.
"""
import argparse
import json
import os
import shutil
import subprocess
import sys

import numpy as np
from safetensors.numpy import load_file, save_file
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
OUTPUT = os.path.join(ROOT, "demo-output")
SIZES = [64, 128, 64, 10]
EXPERTS = {"low": (0, 1, 2, 3), "middle": (4, 5, 6), "high": (7, 8, 9)}
CODECS = [
    ["lossless"], ["dense", "--values", "bf16"], ["sparse", "--density", "0.2"], ["lowrank", "--rank", "8"], ["dare", "--density", "0.3"],
    ["sign"], ["seeded", "--density", "0.3"], ["ternary", "--density", "0.2", "--scale", "mean"], ["ternary", "--density", "0.05"],
]
MERGES = ["average", "task-arithmetic", "ties", "dare-ties"]
# Every other method that makes one network of these experts, with its parameters; some take two of them, or a merge.
METHODS = [
    "nuslerp low high", "multislerp", "karcher", "checkpoint_average --kind wma", "fisher --no-favor-target", "model_stock", "varm",
    "ties --variant paper --density 0.2", "dare_linear --density 0.5 --lambda 0.5 --seed 7", "della --density 0.5 --seed 7",
    "della_linear --density 0.5 --lambda 0.5 --seed 7", "breadcrumbs --density 0.9 --gamma 0.02 --lambda 0.5",
    "breadcrumbs_ties --density 0.9 --gamma 0.02 --lambda 0.8", "magmax --lambda 0.8", "sce --select-topk 0.5", "ram", "ram_plus",
    "consensus --tall-lambda 0.4 --alpha 0.5", "emr", "pcb --ratio 0.3 --lambda 1.2", "widen", "hi_merging --density 0.4 --scale 0.9",
    "evo_merging --density 0.5 --scale 0.5", "lines task-arithmetic --alpha 0.5", "ties_sv --density 0.2 --protected 2 --slack 0.5 "
    "--protect-fraction 0.1 --experimental", "lwptv --score relative --eta 0.4 --lambda 0.5 --experimental", "lerp high --t 0.5",
    "nearswap high --t 0.02", "arcee_fusion high", "layer_swap low high --bottom 1 --top 0 --transition-bottom 1 --transition-top 0 --outside a",
]
WITHOUT_BASE = ["karcher", "checkpoint_average", "layer_swap"]
BASE_STEPS, EXPERT_STEPS, RATE, BATCH = 25, 100, 1e-3, 64
# An expert sees one in twenty of the other digits' images, so that it forgets them only in part.
REHEARSAL = 0.05


def new_network(seed):
    random = np.random.default_rng(seed)
    network = {}
    for layer, (inputs, outputs) in enumerate(zip(SIZES, SIZES[1:])):
        weight = random.standard_normal((outputs, inputs)) * np.sqrt(2 / inputs)
        network[f"layers.{layer}.weight"] = weight.astype(np.float32)
        network[f"layers.{layer}.bias"] = np.zeros(outputs, np.float32)
    return network


def activations(network, images):
    """The images and what each layer makes of them; the last entry is one score per digit."""
    values = [images]
    for layer in range(len(SIZES) - 1):
        value = values[-1] @ network[f"layers.{layer}.weight"].T + network[f"layers.{layer}.bias"]
        values.append(value if layer == len(SIZES) - 2 else np.maximum(value, 0))
    return values


def gradients(network, images, labels):
    values = activations(network, images)
    scores = np.exp(values[-1] - values[-1].max(axis=1, keepdims=True))
    error = scores / scores.sum(axis=1, keepdims=True)
    error[np.arange(len(labels)), labels] -= 1
    error /= len(labels)
    result = {}
    for layer in reversed(range(len(SIZES) - 1)):
        result[f"layers.{layer}.weight"] = error.T @ values[layer]
        result[f"layers.{layer}.bias"] = error.sum(axis=0)
        error = (error @ network[f"layers.{layer}.weight"]) * (values[layer] > 0)
    return result


def trained(network, images, labels, steps, seed):
    """A copy of `network` after some steps of Adam."""
    random = np.random.default_rng(seed)
    network = {name: value.copy() for name, value in network.items()}
    mean = {name: np.zeros_like(value) for name, value in network.items()}
    square = {name: np.zeros_like(value) for name, value in network.items()}
    for step in range(1, steps + 1):
        batch = random.integers(0, len(images), BATCH)
        for name, slope in gradients(network, images[batch], labels[batch]).items():
            mean[name] = 0.9 * mean[name] + 0.1 * slope
            square[name] = 0.999 * square[name] + 0.001 * slope * slope
            direction = mean[name] / (1 - 0.9 ** step)
            network[name] -= RATE * direction / (np.sqrt(square[name] / (1 - 0.999 ** step)) + 1e-8)
    return network


def digits():
    """Training images and labels, then those for the test."""
    data = load_digits()
    images = (data.data / 16).astype(np.float32)
    seen, unseen, seen_labels, unseen_labels = train_test_split(
        images, data.target, test_size=0.3, random_state=0, stratify=data.target)
    return seen, seen_labels, unseen, unseen_labels


def write(network, folder):
    os.makedirs(folder, exist_ok=True)
    save_file(network, os.path.join(folder, "model.safetensors"), metadata={"format": "pt"})
    config = {"architectures": ["DigitsNetwork"], "model_type": "digits", "layer_sizes": SIZES,
              "num_hidden_layers": len(SIZES) - 1, "torch_dtype": "float32"}
    with open(os.path.join(folder, "config.json"), "w") as file:
        json.dump(config, file, indent=2)


def train(images, labels, output):
    """Writes the base and the experts."""
    base = trained(new_network(1), images, labels, BASE_STEPS, seed=1)
    write(base, os.path.join(output, "base"))
    for number, (name, own) in enumerate(EXPERTS.items()):
        is_own = np.isin(labels, own)
        others = np.flatnonzero(~is_own)
        rehearsed = np.random.default_rng(number).choice(others, int(REHEARSAL * len(others)), replace=False)
        chosen = np.concatenate([np.flatnonzero(is_own), rehearsed])
        expert = trained(base, images[chosen], labels[chosen], EXPERT_STEPS, seed=10 + number)
        write(expert, os.path.join(output, f"expert-{name}"))


def accuracies(folder, images, labels):
    """Percentages read rightly: on the digits of each expert, then on all."""
    network = load_file(os.path.join(folder, "model.safetensors"))
    right = activations(network, images)[-1].argmax(axis=1) == labels
    return [100 * right[np.isin(labels, own)].mean() for own in EXPERTS.values()] + [100 * right.mean()]


def merge(weir, name):
    output = os.path.join(OUTPUT, f"merged-{name}")
    shutil.rmtree(output, ignore_errors=True)
    pipeline = os.path.join("pipelines", f"digits-{name}.json")
    print(f"$ weir run {pipeline}", flush=True)
    result = subprocess.run([weir, "run", pipeline, "--quiet"], cwd=ROOT)
    if result.returncode:
        sys.exit(f"demo: 'weir run {pipeline}' ended with exit code {result.returncode}")
    return output


def fisher(network, images, labels):
    """The diagonal Fisher information of a network: the mean square of each weight's slope, image by image."""
    squares = {name: np.zeros_like(value) for name, value in network.items()}
    for image, label in zip(images, labels):
        for name, slope in gradients(network, image[None], np.array([label])).items():
            squares[name] += slope * slope / len(images)
    return squares


def inform(images, labels):
    """Writes each expert's information on its own digits, a few of them."""
    for name, own in EXPERTS.items():
        chosen = np.flatnonzero(np.isin(labels, own))[:100]
        network = load_file(os.path.join(OUTPUT, f"expert-{name}", "model.safetensors"))
        write(fisher(network, images[chosen], labels[chosen]), os.path.join(OUTPUT, f"fisher-{name}"))


def titled(line):
    """`lerp: high` of `lerp high --t 0.5`, `ties: paper` of `ties --variant paper`."""
    words = line.split()
    flags = next((place for place, word in enumerate(words) if word.startswith("--")), len(words))
    more = words[1:flags] + [value for flag, value in zip(words, words[1:]) if flag == "--variant"]
    return words[0] + (": " + ", ".join(more).replace("-", " ") if more else "")


def merge_by(weir, line):
    """Merges by a method's name and parameters; the experts are meant where no network is named."""
    method, *words = line.split()
    flags = words[next((place for place, word in enumerate(words) if word.startswith("--")), len(words)):]
    named = words[:len(words) - len(flags)] or list(EXPERTS)
    output = os.path.join(OUTPUT, f"method-{method}")
    shutil.rmtree(output, ignore_errors=True)
    folders = [os.path.join(OUTPUT, f"{'expert' if name in EXPERTS else 'merged'}-{name}") for name in named]
    if method == "fisher":
        models = [{"from": name, "fisher": f"fisher {name}"} for name in EXPERTS]
        sources = {name: folder for name, folder in zip(named, folders)}
        sources.update({f"fisher {name}": os.path.join(OUTPUT, f"fisher-{name}") for name in EXPERTS})
        node = {"op": "fisher", "models": models, "favor_target": False}
        pipeline = {"weir": 1, "sources": sources, "graph": {"merged": node}, "outputs": [{"from": "merged", "to": output}]}
        command, text = ["run", "-"], json.dumps(pipeline)
    else:
        base = [] if method in WITHOUT_BASE else ["--base", os.path.join(OUTPUT, "base")]
        command, text = ["merge", method, *base, *folders, *flags, "-o", output], None
    result = subprocess.run([weir, *command, "--quiet"], input=text, text=True, cwd=ROOT)
    if result.returncode:
        sys.exit(f"demo: 'weir {' '.join(command)}' ended with exit code {result.returncode}")
    return output


def archived(weir, name, flags):
    """Archives the change from base to tuned, applies it, and returns the archive's bytes and the restored folder."""
    archive, output = (os.path.join(OUTPUT, f"{name}{end}") for end in (".tv.safetensors", ""))
    base, tuned = os.path.join(OUTPUT, "base"), os.path.join(OUTPUT, "tuned")
    shutil.rmtree(output, ignore_errors=True)
    for command in (["compress", base, tuned, "-o", archive, "--overwrite", *flags], ["apply", base, archive, "-o", output]):
        result = subprocess.run([weir, *command, "--quiet"], cwd=ROOT, stdout=subprocess.DEVNULL)
        if result.returncode:
            sys.exit(f"demo: 'weir {' '.join(command)}' ended with exit code {result.returncode}")
    # The weights alone: of so small a network the file is mostly its header and index.
    said = json.loads(subprocess.run([weir, "inspect", archive, "--json"], check=True, capture_output=True, text=True).stdout)
    return sum(codec["bytes"] for codec in said["codecs"]), os.path.getsize(archive), output, said["metadata"].get("alpha")


def codecs(weir, images, labels, base):
    """A table of what every codec makes of the change from base to tuned."""
    count = sum(inputs * outputs + outputs for inputs, outputs in zip(SIZES, SIZES[1:]))

    def row(title, folder, stored, size):
        bits = "" if stored is None else f"{8 * stored / count:.2f}"
        return f"{title:<30}{bits:>10}{size:>10}{accuracies(folder, images, labels)[-1]:>14.1f}"

    tuned = os.path.join(OUTPUT, "tuned")
    whole = os.path.getsize(os.path.join(tuned, "model.safetensors"))
    lines = [f"{'task vector of a fine-tune':<30}{'bits/param':>10}{'bytes':>10}{'all digits, %':>14}", "-" * 64,
             row("base", os.path.join(OUTPUT, "base"), None, ""), row("tuned", tuned, whole, whole), "-" * 64]
    for number, flags in enumerate(CODECS):
        stored, size, folder, _ = archived(weir, f"archived-{number}", ["--codec", *flags])
        title = " ".join(flags).replace("--", "")
        if flags == ["lossless"]:
            names = [os.path.join(place, "model.safetensors") for place in (folder, tuned)]
            if open(names[0], "rb").read() != open(names[1], "rb").read():
                sys.exit("demo: a lossless archive gave other bytes than were archived")
        lines.append(row(title, folder, stored, size))
    score = f"{sys.executable} {os.path.abspath(__file__)} --score {{}}"
    stored, size, folder, alpha = archived(weir, "archived-best", ["--density", "0.05", "--evaluate", score])
    lines.append(row(f"ternary 0.05, best alpha {alpha}", folder, stored, size))
    print("\n".join(lines) + "\n")
    return [float(line.split()[-1]) for line in (lines[2], lines[-1])]


def table(rows):
    heads = [f"digits {own[0]}-{own[-1]}" for own in EXPERTS.values()] + ["all digits"]
    width = max(len(title) for title, _ in rows if title)
    rule = "-" * (width + sum(len(head) + 3 for head in heads))
    print("\n" + "accuracy, %".ljust(width) + "".join("   " + head for head in heads))
    print(rule)
    for title, values in rows:
        if values is None:
            print(rule)
        else:
            print(title.ljust(width) + "".join("   " + f"{value:.1f}".rjust(len(head)) for value, head in zip(values, heads)))
    print()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--train-only", metavar="FOLDER", help="write base and experts to FOLDER and stop")
    parser.add_argument("--score", metavar="FOLDER", help="print how well the network in FOLDER does, and stop")
    parser.add_argument("--weir", default=os.path.join(ROOT, ".build", "release", "weir"), help="the program (default: the release build)")
    arguments = parser.parse_args()
    images, labels, test_images, test_labels = digits()
    if arguments.score:
        print(f"{accuracies(arguments.score, images, labels)[-1]:.3f}")
        return
    if arguments.train_only:
        train(images, labels, arguments.train_only)
        return
    weir = os.path.abspath(arguments.weir)
    if not os.access(weir, os.X_OK):
        sys.exit(f"demo: '{arguments.weir}' is not there; build it with 'make'")
    print("training a base and three experts on handwritten digits", flush=True)
    train(images, labels, OUTPUT)

    def row(title, folder):
        return title, accuracies(folder, test_images, test_labels)

    single = [row("base", os.path.join(OUTPUT, "base"))]
    single += [row(f"expert {name}", os.path.join(OUTPUT, f"expert-{name}")) for name in EXPERTS]
    merged = [row(f"merged: {name.replace('-', ' ')}", merge(weir, name)) for name in MERGES]
    print("$ weir merge METHOD --base demo-output/base demo-output/expert-low … -o …", flush=True)
    inform(images, labels)
    others = [row(titled(line), merge_by(weir, line)) for line in METHODS]
    table(single + [("", None)] + merged + [("", None)] + others)
    best = max(values[-1] for _, values in single)
    worst = min(values[-1] for _, values in merged)
    if worst <= best:
        sys.exit(f"demo: a merge reads {worst:.1f} % of all digits, expected more than the best single network's {best:.1f} %")
    better = sum(values[-1] > best for _, values in others)
    print(f"The four merges by pipelines read all digits better than any network that went into them: {worst:.1f} % or more\n"
          f"against {best:.1f} %. So do {better} of the {len(others)} by other methods, whose parameters nobody tuned.\n")
    base = load_file(os.path.join(OUTPUT, "base", "model.safetensors"))
    write(trained(base, images, labels, EXPERT_STEPS, seed=20), os.path.join(OUTPUT, "tuned"))
    print("$ weir compress demo-output/base demo-output/tuned -o x.tv.safetensors --codec …", flush=True)
    untuned, found = codecs(weir, test_images, test_labels, base)
    if found <= untuned:
        sys.exit(f"demo: the best archive reads {found:.1f} % of all digits, expected more than the base's {untuned:.1f} %")
    print("Bits count the coded weights; of so small a network most bytes of a file are its header and index.")


if __name__ == "__main__":
    main()
