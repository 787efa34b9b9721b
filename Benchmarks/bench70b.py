"""Compresses and merges models of 70 billion parameters: time, bytes, memory.

    make bench-70b                                    about half an hour on two cores, by hand
    make bench-70b ARGS='--layers 2 --json 2.json'    a rehearsal of some minutes

A family of Llama 3's shape, a base and three fine-tunes of 141 GB each in thirty shards, is made of sparse files: real random numbers in
three layers, the embeddings and all norms, as far as the first rows of matrices, and holes elsewhere, which read as zeros. Each fine-tune is
compressed into a task vector; then the three archives, and the three checkpoints, are merged by TIES and by linear into a digest, which
hashes what would have been written. The family takes about 5 GB of disk, and stays in bench-output/ or BENCH_DIR.
"""
import argparse
import json
import os
import shutil
import sys

import bench
import families
import floor
import make_family

COUNT = 3
# The share of a matrix's rows that is real, of wide matrices and of the narrow ones of keys and values. With the density of the merges,
# thresholds then lie among real numbers in every tensor that has some.
REAL, NARROW = 1 / 8, 1.0
DENSITY = 0.05
# The archives' threshold is the whole model's: a density below the share of all elements that is real.
ARCHIVE_DENSITY = 0.5
COLUMNS = ["step", "seconds", "read GB", "GB/s", "peak MiB", "CPU s", "result"]
WIDTHS = [30, 10, 10, 8, 10, 10, 36]


def real_rows(name, shape, layers):
    """How many of a tensor's first rows are real."""
    if len(shape) < 2:
        return shape[0]
    parts = name.split(".")
    if parts[1] == "layers" and int(parts[2]) not in {0, layers // 2, layers - 1}:
        return 0
    return int(shape[0] * (NARROW if parts[-2] in ("k_proj", "v_proj") else REAL))


def values(number, layers):
    """What a model holds: the first rows of some tensors, drawn as make_family draws them; None is a hole."""
    draw = make_family.fine_tune(number) if number else make_family.base

    def of(name, shape):
        count = real_rows(name, shape, layers)
        return draw(name, (count, *shape[1:])) if count else None
    return of


def build(place, size):
    """Makes the family; returns its folder."""
    tensors = make_family.shapes(size)
    need = sum(2 * real_rows(name, shape, size.layers) * make_family.elements(shape[1:]) for name, shape in tensors.items()) * (COUNT + 1)
    plain = os.path.join(place, f"llama70b-{size.layers}")
    missing = [number for number in range(COUNT + 1) if not os.path.exists(os.path.join(plain, model(number), "config.json"))]
    # Archives come beside it, and something is to be left.
    free = shutil.disk_usage(place).free
    if missing and free < 1.5 * need + (4 << 30):
        sys.exit(f"bench70b: the models take {need / 1e9:.1f} GB and half as much for archives, and {free / 1e9:.1f} GB are free in '{place}'")
    os.makedirs(plain, exist_ok=True)
    for number in missing:
        families.made(os.path.join(plain, model(number)), lambda part: make_family.write(
            part, tensors, values(number, size.layers), size.shards, configuration=make_family.config(size)))
    return plain


def model(number):
    return f"ft{number}" if number else "base"


def share(size):
    """The share of all elements that is real."""
    tensors = make_family.shapes(size)
    real = sum(real_rows(name, shape, size.layers) * make_family.elements(shape[1:]) for name, shape in tensors.items())
    return real / sum(map(make_family.elements, tensors.values()))


def step(title, command, read, results, markdown):
    """Runs one step and prints its row; `read` is how many bytes its inputs take, each once."""
    used = floor.measured(command)
    said = json.loads(used.pop("said"))
    output = said["outputs"][0]
    result = {"step": title, **used, "input_bytes": read, "output_bytes": output["bytes"], "digest": output.get("digest"),
              "said": {key: value for key, value in said.items() if key != "outputs"}}
    results.append(result)
    outcome = result["digest"] or f"{output['bytes'] / 1e9:.3f} GB written"
    print(bench.line([title, f"{used['seconds']:.1f}", f"{read / 1e9:.1f}", f"{read / used['seconds'] / 1e9:.2f}",
                      f"{used['peak_bytes'] / (1 << 20):.0f}", f"{used['cpu_seconds']:.1f}", outcome], WIDTHS, markdown), flush=True)


def run(arguments, place, size):
    family = build(place, size)
    flags = ["--json", "--quiet"] + (["--memory", arguments.memory] if arguments.memory else [])
    paths = [os.path.join(family, model(number)) for number in range(COUNT + 1)]
    archives = [f"{path}.tv.safetensors" for path in paths[1:]]
    read = families.size_of(families.shards(paths[0]))
    results = []
    bench.heading(COLUMNS, WIDTHS, arguments.markdown)
    for path, archive in zip(paths[1:], archives):
        step(f"compress {os.path.basename(path)}", [arguments.weir, "compress", paths[0], path, "-o", archive, "--overwrite",
             "--density", f"{ARCHIVE_DENSITY * share(size):.6f}", *flags], 2 * read, results, arguments.markdown)
    for kind, sources in (("archives", archives), ("checkpoints", paths[1:])):
        for op in ("ties", "linear"):
            node = {"op": "ties", "density": DENSITY} if op == "ties" else {"op": "task_arithmetic"}
            node |= {"base": "base", "models": [{"from": f"m{number}", "weight": 1 / COUNT} for number in range(COUNT)]}
            named = {"base": paths[0], **{f"m{number}": source for number, source in enumerate(sources)}}
            read_here = [shard for source in named.values() for shard in families.shards(source)]
            if kind == "archives":
                named |= {name: {"archive": source} for name, source in named.items() if name != "base"}
            if op == "linear" and kind == "checkpoints":
                node = {"op": "linear", "models": node["models"]}
                named.pop("base")
                read_here = read_here[size.shards:]
            pipeline = os.path.join(place, f"70b-{op}-{kind}.json")
            with open(pipeline, "w") as file:
                json.dump({"weir": 1, "sources": named, "graph": {"merged": node}, "outputs": [{"from": "merged", "to": "digest:"}]}, file)
            step(f"{op} of {COUNT} {kind}", [arguments.weir, "run", pipeline, *flags], families.size_of(read_here), results, arguments.markdown)
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weir", default=os.path.join(bench.ROOT, ".build", "release", "weir"), help="the program (default: the release build)")
    parser.add_argument("--layers", type=int, default=families.LARGE.layers, help="layers of the models; fewer for a rehearsal (default: %(default)s)")
    parser.add_argument("--memory", help="the program's budget (default: the program's)")
    parser.add_argument("--markdown", action="store_true", help="print the table as the documents have it")
    parser.add_argument("--json", metavar="FILE", help="write all figures to FILE as well")
    arguments = parser.parse_args()
    arguments.weir, place = os.path.abspath(arguments.weir), families.folder()
    if arguments.layers < 1:
        parser.error("--layers must be at least 1")
    if not os.access(arguments.weir, os.X_OK):
        parser.error(f"'{arguments.weir}' is not there; build it with 'make'")
    size = families.LARGE._replace(layers=arguments.layers)
    results = run(arguments, place, size)
    print(f"\n{arguments.layers} layers, {sum(map(make_family.elements, make_family.shapes(size).values())) / 1e9:.1f} billion parameters, "
          f"{share(size):.1%} of them real; read GB: what the inputs take, each counted once; in all {sum(r['seconds'] for r in results) / 60:.1f} min")
    if arguments.json:
        with open(arguments.json, "w") as file:
            json.dump({"machine": bench.machine(), "layers": arguments.layers, "memory": arguments.memory, "steps": results}, file, indent=2)


if __name__ == "__main__":
    main()
