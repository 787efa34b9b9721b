"""Times merges beside the least time in which this machine can read the same inputs and write the same output.

    make bench                                             all rows, nine pairs each
    python Benchmarks/bench.py --rows linear,ties --runs 3 --memory 64M --json results.json

For every row, runs of iofloor (the floor) and of the program alternate, on files in the page cache; a pair's ratio is the one's
time divided by the other's, and medians are printed. The models are written once to bench-output/ or the folder that BENCH_DIR
names: three checkpoints of 1.7 GB in bfloat16. The row 'plan' times `weir plan` on the headers of a model of 70 billion
parameters, whose shards are sparse files that hold nothing else.
"""
import argparse
import json
import os
import platform
import re
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile

import make_family

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)

# make_family's arguments: layers, hidden, intermediate, vocabulary, key-value width, heads, key-value heads, shards, fine-tunes.
FAMILIES = {"m1b": [16, 2048, 5632, 32000, 512, 32, 8, 2, 2], "tiny": [2, 64, 128, 256, 16, 4, 2, 2, 2]}
LARGE = {"layers": 80, "hidden": 8192, "intermediate": 28672, "vocabulary": 128256, "kv_width": 1024, "heads": 64, "kv_heads": 8,
         "shards": 30}

# A row's sources, the node that merges them, and the ratio to the floor that it is to stay within.
ROWS = {
    "copy": (["base"], {"op": "passthrough", "models": ["base"]}, 1.25),
    "linear": (["ft1", "ft2"], {"op": "linear", "models": [{"from": "ft1", "weight": 0.6}, {"from": "ft2", "weight": 0.4}]}, 1.25),
    "task_arithmetic": (["base", "ft1", "ft2"], {"op": "task_arithmetic", "base": "base", "models": [
        {"from": "ft1", "weight": 0.6}, {"from": "ft2", "weight": 0.4}]}, 1.25),
    "slerp": (["ft1", "ft2"], {"op": "slerp", "base": "ft1", "models": ["ft2"], "t": 0.3}, 1.6),
    "ties": (["base", "ft1", "ft2"], {"op": "ties", "base": "base", "density": 0.2, "models": [
        {"from": "ft1", "weight": 0.6}, {"from": "ft2", "weight": 0.4}]}, 4.0),
    "dare_ties": (["base", "ft1", "ft2"], {"op": "dare_ties", "base": "base", "density": 0.5, "seed": 42, "models": [
        {"from": "ft1", "weight": 0.6}, {"from": "ft2", "weight": 0.4}]}, 4.0),
}
# Rows of archives: the command, the files that it reads, each as often as it must, and the ratio that it is to stay within. What
# the floor writes is what the command does.
ARCHIVES = {
    "compress": (["compress", "base", "ft1", "--density", "0.05"], ["base", "ft1"] * 2, 2.5),
    "apply": (["apply", "base", "archive"], ["base", "archive"], 1.5),
    "verify": (["verify", "ft1"], ["ft1"], 2.0),
}
PLAN_LIMIT_SECONDS = 0.2


def measured(command, **more):
    """Runs a command that must succeed; returns what it took."""
    with tempfile.NamedTemporaryFile(suffix=".json") as report:
        launcher = [sys.executable, "-IS", os.path.join(HERE, "measure.py"), report.name]
        result = subprocess.run(launcher + command, capture_output=True, text=True, **more)
        if result.returncode:
            sys.exit(f"bench: '{' '.join(command)}' ended with exit code {result.returncode}: {result.stderr.strip()}")
        return json.load(report)


def build_floor(folder):
    program = os.path.join(folder, "iofloor")
    source = os.path.join(HERE, "iofloor.c")
    if not os.path.exists(program) or os.path.getmtime(program) < os.path.getmtime(source):
        compiler = os.environ.get("CC") or shutil.which("cc") or shutil.which("clang") or sys.exit("bench: no C compiler is on the PATH")
        subprocess.run([compiler, "-O3", "-pthread", source, "-o", program], check=True)
    return program


def build_family(folder, name):
    """The checkpoints of a family, written once: folders base, ft1, ft2."""
    family = os.path.join(folder, name)
    if not os.path.exists(os.path.join(family, "complete")):
        print(f"writing {family}", flush=True)
        shutil.rmtree(family, ignore_errors=True)
        subprocess.run([sys.executable, os.path.join(HERE, "make_family.py"), family, *map(str, FAMILIES[name])],
                       check=True, stdout=subprocess.DEVNULL)
        with open(os.path.join(family, "complete"), "w"):
            pass
    return family


def build_large(folder):
    """The headers of a model of 70 billion parameters, three times, in sparse files."""
    family = os.path.join(folder, "sparse70b")
    if os.path.exists(os.path.join(family, "complete")):
        return family
    shutil.rmtree(family, ignore_errors=True)
    shapes = make_family.shapes(LARGE["layers"], LARGE["hidden"], LARGE["intermediate"], LARGE["vocabulary"], LARGE["kv_width"])
    sizes = {name: 2 * shape[0] * (shape[1] if len(shape) > 1 else 1) for name, shape in shapes.items()}
    total, count = sum(sizes.values()), LARGE["shards"]
    shards, before = [[] for _ in range(count)], 0
    for name, size in sizes.items():
        shards[min(count - 1, before * count // total)].append(name)
        before += size
    config = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": LARGE["hidden"],
              "intermediate_size": LARGE["intermediate"], "num_hidden_layers": LARGE["layers"], "vocab_size": LARGE["vocabulary"],
              "num_attention_heads": LARGE["heads"], "num_key_value_heads": LARGE["kv_heads"], "torch_dtype": "bfloat16"}
    for model in ("base", "ft1", "ft2"):
        os.makedirs(os.path.join(family, model))
        weight_map = {}
        for number, names in enumerate(shards):
            file_name = f"model-{number + 1:05d}-of-{count:05d}.safetensors"
            header, offset = {"__metadata__": {"format": "pt"}}, 0
            for name in names:
                header[name] = {"dtype": "BF16", "shape": list(shapes[name]), "data_offsets": [offset, offset + sizes[name]]}
                offset += sizes[name]
                weight_map[name] = file_name
            text = json.dumps(header).encode()
            text += b" " * (-len(text) % 8)
            with open(os.path.join(family, model, file_name), "wb") as file:
                file.write(struct.pack("<Q", len(text)) + text)
                file.truncate(8 + len(text) + offset)
        with open(os.path.join(family, model, "model.safetensors.index.json"), "w") as file:
            json.dump({"metadata": {"total_size": total}, "weight_map": weight_map}, file)
        with open(os.path.join(family, model, "config.json"), "w") as file:
            json.dump(config, file)
    with open(os.path.join(family, "complete"), "w"):
        pass
    return family


def write_pipeline(path, row, family, output):
    sources, node, _ = ROWS[row]
    with open(path, "w") as file:
        json.dump({"weir": 1, "sources": {name: os.path.join(family, name) for name in sources}, "graph": {"merged": node},
                   "outputs": [{"from": "merged", "to": output}]}, file, indent=2)


def shard_paths(family, row):
    return paths_of(family, ROWS[row][0])


def paths_of(family, sources):
    paths = []
    for source in sources:
        if source == "archive":
            paths.append(os.path.join(family, ARCHIVE))
            continue
        folder = os.path.join(family, source)
        paths += [os.path.join(folder, name) for name in sorted(os.listdir(folder)) if name.endswith(".safetensors")]
    return paths


def warm(paths):
    """Reads files once, so that they are in the page cache."""
    buffer = bytearray(4 << 20)
    for path in paths:
        with open(path, "rb", buffering=0) as file:
            while file.readinto(buffer):
                pass


ARCHIVE = "ft1.tv.safetensors"


def merge_command(row, arguments, folder, family):
    """What a merge's row runs, what it reads, what it writes, and how many bytes that are."""
    pipeline, output = os.path.join(folder, f"{row}.json"), os.path.join(folder, "merged")
    write_pipeline(pipeline, row, family, output)
    written = sum(os.path.getsize(path) for path in shard_paths(family, "copy"))
    return [arguments.weir, "run", pipeline], shard_paths(family, row), output, written, ROWS[row][2]


def archive_command(row, arguments, folder, family):
    """The same of a row of archives; the archive itself is made once."""
    words, sources, limit = ARCHIVES[row]
    places = {name: os.path.join(family, name) for name in ("base", "ft1")} | {"archive": os.path.join(family, ARCHIVE)}
    if not os.path.exists(places["archive"]):
        make = [places.get(word, word) for word in ARCHIVES["compress"][0]]
        subprocess.run([arguments.weir, *make, "-o", places["archive"], "--quiet"], check=True)
    command = [arguments.weir, *[places.get(word, word) for word in words]]
    if row == "verify":
        return command, paths_of(family, sources), None, 4096, limit
    output = os.path.join(folder, "made" + (".tv.safetensors" if row == "compress" else ""))
    written = sum(os.path.getsize(path) for path in paths_of(family, ["archive" if row == "compress" else "ft1"]))
    return [*command, "-o", output], paths_of(family, sources), output, written, limit


def remove(output):
    if output and os.path.isdir(output):
        shutil.rmtree(output)
    elif output and os.path.exists(output):
        os.remove(output)


def bench_row(row, arguments, folder, family, floor):
    make = merge_command if row in ROWS else archive_command
    command, inputs, output, output_bytes, limit = make(row, arguments, folder, family)
    input_bytes = sum(os.path.getsize(path) for path in inputs)
    command += ["--quiet"]
    command += ["--memory", arguments.memory] if arguments.memory and row != "verify" else []
    command += ["--threads", str(arguments.threads)] if arguments.threads and row != "verify" else []
    warm(inputs)
    pairs = []
    for number in range(arguments.runs + 1):
        said = subprocess.run([floor, os.path.join(folder, "floor"), str(output_bytes), *inputs], check=True, capture_output=True, text=True)
        seconds = float(re.search(r"overlapped ([\d.]+) s", said.stdout)[1])
        remove(output)
        used = measured(command)
        remove(output)
        if number:  # the first pair only warms up
            # iofloor prints thousandths of a second, which on a tiny family may be none.
            pairs.append((max(seconds, 1e-3), used))
    median = statistics.median
    ratios = [used["seconds"] / seconds for seconds, used in pairs]
    seconds = median(used["seconds"] for _, used in pairs)
    return {
        "row": row, "runs": arguments.runs, "seconds": seconds, "floor_seconds": median(s for s, _ in pairs),
        "ratio": median(ratios), "ratio_least": min(ratios), "ratio_most": max(ratios), "ratio_limit": limit,
        "input_bytes": input_bytes, "output_bytes": output_bytes,
        "read_gb_per_second": input_bytes / seconds / 1e9, "write_gb_per_second": output_bytes / seconds / 1e9,
        "peak_bytes": max(used["peak_bytes"] for _, used in pairs), "cpu_seconds": median(used["cpu_seconds"] for _, used in pairs),
    }


def bench_plan(arguments, folder):
    pipeline = os.path.join(folder, "plan.json")
    write_pipeline(pipeline, "ties", build_large(folder), os.path.join(folder, "merged70b"))
    runs = [measured([arguments.weir, "plan", pipeline]) for _ in range(arguments.runs + 1)][1:]
    return {"row": "plan", "runs": arguments.runs, "seconds": statistics.median(run["seconds"] for run in runs),
            "seconds_limit": PLAN_LIMIT_SECONDS, "peak_bytes": max(run["peak_bytes"] for run in runs)}


def machine():
    processor = platform.processor() or platform.machine()
    if os.path.exists("/proc/cpuinfo"):
        with open("/proc/cpuinfo") as file:
            processor = next((line.split(":", 1)[1].strip() for line in file if line.startswith("model name")), processor)
    return {"processor": processor, "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
            "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"), "system": f"{platform.system()} {platform.release()}"}


HEAD = f"{'row':<16}{'weir s':>8}{'floor s':>9}{'ratio':>8}{'(least–most)':>14}{'limit':>7}{'in GB/s':>9}{'out GB/s':>10}{'peak MiB':>10}{'CPU s':>8}"


def line(result):
    peak = f"{result['peak_bytes'] / (1 << 20):.0f}"
    if result["row"] == "plan":
        return f"{'plan of 70 B':<16}{result['seconds']:>8.3f}{'':>9}{'':>8}{'':>14}{result['seconds_limit']:>5} s{'':>9}{'':>10}{peak:>10}{'':>8}"
    spread = f"({result['ratio_least']:.2f}–{result['ratio_most']:.2f})"
    return (f"{result['row']:<16}{result['seconds']:>8.3f}{result['floor_seconds']:>9.3f}{result['ratio']:>8.2f}{spread:>14}"
            f"{result['ratio_limit']:>7}{result['read_gb_per_second']:>9.2f}{result['write_gb_per_second']:>10.2f}{peak:>10}"
            f"{result['cpu_seconds']:>8.2f}")


def exceeds(result):
    if result["row"] == "plan":
        return result["seconds"] > result["seconds_limit"]
    return result["ratio"] > result["ratio_limit"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weir", default=os.path.join(ROOT, ".build", "release", "weir"), help="the program (default: the release build)")
    parser.add_argument("--rows", default=",".join([*ROWS, *ARCHIVES, "plan"]), help="which rows, with commas (default: %(default)s)")
    parser.add_argument("--runs", type=int, default=9, help="measured pairs per row (default: %(default)s)")
    parser.add_argument("--memory", help="the program's budget, as its --memory takes it (default: the program's)")
    parser.add_argument("--threads", type=int, help="the program's threads (default: the program's)")
    parser.add_argument("--family", choices=FAMILIES, default="m1b", help="the models (default: %(default)s; tiny only tries the script)")
    parser.add_argument("--json", metavar="FILE", help="write all figures to FILE as well")
    parser.add_argument("--check", action="store_true", help="end with exit code 1 if a row exceeds its limit")
    arguments = parser.parse_args()
    arguments.weir = os.path.abspath(arguments.weir)
    rows = arguments.rows.split(",")
    unknown = [row for row in rows if row not in ROWS and row not in ARCHIVES and row != "plan"]
    if unknown or arguments.runs < 1:
        sys.exit(f"bench: no row is called '{unknown[0]}', expected some of {', '.join([*ROWS, *ARCHIVES])}, plan" if unknown else "bench: --runs must be at least 1")
    if not os.access(arguments.weir, os.X_OK):
        sys.exit(f"bench: '{arguments.weir}' is not there; build it with 'make'")
    folder = os.path.abspath(os.environ.get("BENCH_DIR") or os.path.join(ROOT, "bench-output"))
    os.makedirs(folder, exist_ok=True)
    if any(row != "plan" for row in rows):
        floor, family = build_floor(folder), build_family(folder, arguments.family)
    results = []
    print(HEAD, flush=True)
    for row in rows:
        results.append(bench_plan(arguments, folder) if row == "plan" else bench_row(row, arguments, folder, family, floor))
        print(line(results[-1]), flush=True)
    if arguments.json:
        version = subprocess.run([arguments.weir, "--version"], capture_output=True, text=True).stdout.strip()
        settings = {"family": arguments.family, "memory": arguments.memory, "threads": arguments.threads}
        with open(arguments.json, "w") as file:
            json.dump({"version": version, "machine": machine(), "settings": settings, "rows": results}, file, indent=2)
    slow = [result["row"] for result in results if exceeds(result)]
    if slow:
        print(f"over the limit: {', '.join(slow)}")
    sys.exit(1 if slow and arguments.check else 0)


if __name__ == "__main__":
    main()
