"""The rows of the benchmark: what each runs, what it reads and writes, and the ratio to the floor that it is to stay within."""
import json
import os
import re
import subprocess
from dataclasses import dataclass

import families


@dataclass(frozen=True)
class Row:
    """A merge, by its node; or a command about archives, by its words. `reads` names what is read, as often as it must be."""
    reads: tuple
    limit: float
    node: dict | None = None
    words: tuple = ()
    kind: str = ""

    @property
    def models(self):
        """The checkpoints that must be there."""
        return tuple(dict.fromkeys(name for name in self.reads if name != "archive"))


@dataclass(frozen=True)
class Job:
    """A row made ready for one family: a command, its input files, its output, and how many bytes that takes."""
    command: list
    inputs: list
    output: str | None
    output_bytes: int


def tuned(*weights):
    return [{"from": f"ft{number + 1}", "weight": weight} for number, weight in enumerate(weights)]


def names(count):
    return tuple(f"ft{number + 1}" for number in range(count))


def on_base(count, limit, kind="", **node):
    """A merge of a number of fine-tunes with their base."""
    return Row(("base", *names(count)), limit, {"base": "base", **node}, kind=kind)


ROWS = {
    "copy": Row(("base",), 1.15, {"op": "passthrough", "models": ["base"]}),
    "linear": Row(names(2), 1.15, {"op": "linear", "models": tuned(0.6, 0.4)}),
    "linear8": Row(names(8), 1.25, {"op": "linear", "models": tuned(*[0.125] * 8)}),
    "task_arithmetic": on_base(2, 1.15, op="task_arithmetic", models=tuned(0.6, 0.4)),
    "slerp": Row(names(2), 1.6, {"op": "slerp", "base": "ft1", "models": ["ft2"], "t": 0.3}),
    "nuslerp": Row(names(2), 1.6, {"op": "nuslerp", "models": tuned(0.6, 0.4)}),
    "multislerp": Row(names(2), 1.6, {"op": "multislerp", "models": tuned(0.6, 0.4)}, kind="sums"),
    "ties": on_base(2, 2.5, op="ties", density=0.2, models=tuned(0.6, 0.4)),
    "ties4": on_base(4, 3.5, op="ties", density=0.2, models=tuned(0.4, 0.3, 0.2, 0.1)),
    "dare_ties": on_base(2, 2.5, op="dare_ties", density=0.5, seed=42, models=tuned(0.6, 0.4)),
    # The whole model's threshold takes a sweep before the one that codes, so everything is read twice.
    "compress": Row(("base", "ft1") * 2, 2.5, words=("compress", "base", "ft1", "--density", "0.05")),
    "apply": Row(("base", "archive"), 1.5, words=("apply", "base", "archive")),
    "verify": Row(("ft1",), 2.0, words=("verify", "ft1")),
}
# Methods of each class of cost.
METHODS = {
    "chat_vector": Row(("base", *names(2)), 1.3, {"op": "chat_vector", "base": "base", "models": ["ft1", "ft2"]}, kind="elementwise"),
    "magmax": on_base(2, 1.3, "elementwise", op="magmax", models=list(names(2))),
    "nearswap": on_base(1, 1.3, "elementwise", op="nearswap", t=0.001, models=["ft1"]),
    "model_stock": on_base(2, 1.8, "sums", op="model_stock", models=list(names(2))),
    "karcher": Row(names(2), 1.8, {"op": "karcher", "models": list(names(2))}, kind="sums"),
    "varm": on_base(2, 1.8, "sums", op="varm", models=list(names(2))),
    "dare_linear": on_base(2, 2.0, "random masks", op="dare_linear", density=0.5, seed=42, models=tuned(0.6, 0.4)),
    "ties_sum": on_base(2, 3.0, "thresholds", op="ties", density=0.2, aggregate="sum", models=tuned(0.6, 0.4)),
    "breadcrumbs": on_base(2, 3.0, "thresholds", op="breadcrumbs", density=0.9, gamma=0.01, models=tuned(0.6, 0.4)),
    "sce": on_base(2, 3.0, "thresholds", op="sce", select_topk=0.1, models=list(names(2))),
    "della": on_base(2, 8.0, "ranks", op="della", density=0.5, epsilon=0.1, seed=42, models=tuned(0.6, 0.4)),
    "widen": on_base(2, 8.0, "ranks", op="widen", models=list(names(2))),
    "pcb": on_base(2, 8.0, "ranks, transcendental", op="pcb", models=list(names(2))),
}


def adapters(rank, limit):
    """Two adapters, each on the base, by their exact changes."""
    names = tuple(f"lora{rank}-{number}" for number in (1, 2))
    models = [{"from": name, "weight": weight} for name, weight in zip(names, (0.6, 0.4))]
    return Row(("base", *names), limit, {"op": "task_arithmetic", "base": "base", "models": models}, kind=f"rank {rank}")


ADAPTERS = {"adapters8": adapters(8, 1.8), "adapters64": adapters(64, 3.0)}
# Rows that have no floor: seconds that a command may take.
SECONDS = {"plan": 0.2, "help": 0.01}
ALL = {**ROWS, **METHODS, **ADAPTERS}
ARCHIVE = "ft1.tv.safetensors"


def chosen(words):
    """The rows that a comma-separated list names; 'main', 'methods', 'adapters' and 'all' stand for groups."""
    groups = {"main": [*ROWS, *SECONDS], "methods": list(METHODS), "adapters": list(ADAPTERS), "all": [*ALL, *SECONDS]}
    result = [name for word in words.split(",") for name in groups.get(word, [word])]
    unknown = [name for name in result if name not in ALL and name not in SECONDS]
    if unknown:
        raise ValueError(f"no row is called '{unknown[0]}', expected some of {', '.join([*groups, *ALL, *SECONDS])}")
    return list(dict.fromkeys(result))


def methods_of(weir):
    """The names of the methods that a program knows."""
    text = subprocess.run([weir, "methods"], check=True, capture_output=True, text=True).stdout
    return set(re.findall(r"^  (\w+)", text, re.MULTILINE))


def write_pipeline(path, row, family, output):
    """Writes the pipeline of a merge's row, from a family's folder to an output."""
    places = {name: os.path.join(family, name) for name in ALL[row].models}
    sources = {name: {"adapter": place, "base": "base"} if families.adapter(name) else place for name, place in places.items()}
    with open(path, "w") as file:
        json.dump({"weir": 1, "sources": sources, "graph": {"merged": ALL[row].node},
                   "outputs": [{"from": "merged", "to": output}]}, file, indent=2)


def prepare(row, weir, place, family, memory=None, threads=None):
    """Makes a row ready: writes its pipeline or its archive where it needs one. Outputs go below `place`."""
    entry = ALL[row]
    flags = ["--quiet"] + (["--threads", str(threads)] if threads else [])
    if entry.words[:1] != ("verify",) and memory:
        flags += ["--memory", memory]
    places = {name: os.path.join(family, name) for name in entry.models} | {"archive": os.path.join(family, ARCHIVE)}
    if "archive" in entry.reads + entry.words or row == "compress":
        make_archive(weir, family)
    inputs = [path for name in entry.reads for path in families.shards(places[name])]
    whole = families.size_of(families.shards(places[entry.models[0]]))
    if entry.node:
        pipeline, output = os.path.join(place, f"{row}.json"), os.path.join(place, "merged")
        write_pipeline(pipeline, row, family, output)
        return Job([weir, "run", pipeline, *flags], inputs, output, whole)
    command = [weir, *[places.get(word, word) for word in entry.words]]
    if row == "verify":
        return Job([*command, *flags], inputs, None, 4096)
    output = os.path.join(place, "made" + (".tv.safetensors" if row == "compress" else ""))
    written = os.path.getsize(places["archive"]) if row == "compress" else whole
    return Job([*command, "-o", output, *flags], inputs, output, written)


def make_archive(weir, family):
    path = os.path.join(family, ARCHIVE)
    if not os.path.exists(path):
        words = [os.path.join(family, word) if word in ("base", "ft1") else word for word in ROWS["compress"].words]
        subprocess.run([weir, *words, "-o", path, "--quiet"], check=True)
