"""Times the same merges by mergekit, alternating with this program on the same files.

    make bench-peers                                      six methods, three pairs each: about an hour
    make bench-peers ARGS='--rows linear --runs 5'
    make bench-peers ARGS='--peer-python /path/to/bin/python'    a Python that has mergekit

mergekit and what it needs are installed from PyPI into an environment of its own below bench-output/ (or BENCH_DIR), some gigabytes,
most of them torch. It computes in bfloat16, the fastest that it offers here; the models are those of `make bench`.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import venv

import bench
import families
import floor
import rows

PINS = ("mergekit==0.1.4", "torch==2.13.0", "transformers==4.57.6")
SHOWN = ("mergekit", "torch", "transformers", "safetensors", "numpy")
# How many times faster this program is to be.
LIMITS = {"linear": 18, "task_arithmetic": 18, "slerp": 20, "nuslerp": 20, "ties": 60, "dare_ties": 60}
COLUMNS = ["merge", "weir s", "mergekit s", "times faster", "least–most", "limit", "weir MiB", "mergekit MiB", "weir CPU s", "mergekit CPU s"]
WIDTHS = [18, 8, 12, 14, 14, 7, 10, 14, 12, 16]


def environment(place):
    """The Python of mergekit's own environment, which is made once."""
    path = os.path.join(place, "peers-venv")
    python, stamp = os.path.join(path, "bin", "python"), os.path.join(path, "complete")
    if not os.path.exists(stamp):
        print(f"installing {', '.join(PINS)} into {path}", flush=True)
        venv.create(path, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check", *PINS], check=True)
        with open(stamp, "w"):
            pass
    return python


def versions(python):
    script = f"import importlib.metadata as m; print(*(p + ' ' + m.version(p) for p in {SHOWN!r}), sep=', ')"
    result = subprocess.run([python, "-c", script], capture_output=True, text=True)
    return result.stdout.strip() if result.returncode == 0 else sys.exit(f"bench: '{python}' has no mergekit: {result.stderr.strip().splitlines()[-1]}")


def recipe(path, row, family):
    """Writes a row as mergekit takes it; JSON is YAML."""
    node = rows.ALL[row].node
    text = {"merge_method": node["op"], "dtype": "bfloat16"}
    models = [entry if isinstance(entry, dict) else {"from": entry} for entry in node["models"]]
    if "base" in node:
        text["base_model"] = os.path.join(family, node["base"])
    if row == "slerp":
        models.insert(0, {"from": node["base"]})
        text["parameters"] = {"t": node["t"]}
    text["models"] = [{"model": os.path.join(family, entry["from"]), "parameters": {
        **{key: entry[key] for key in ("weight",) if key in entry}, **{key: node[key] for key in ("density",) if key in node}}} for entry in models]
    with open(path, "w") as file:
        json.dump(text, file, indent=2)


def bench_peer(row, arguments, place, python):
    family = families.family(place, arguments.family, models=rows.ALL[row].models)
    job = rows.prepare(row, arguments.weir, place, family)
    config, output = os.path.join(place, f"{row}-mergekit.yaml"), os.path.join(place, "merged-by-mergekit")
    recipe(config, row, family)
    program = os.path.join(os.path.dirname(python), "mergekit-yaml")
    command = [program, config, output, "--no-copy-tokenizer", "--random-seed", "42", "--quiet"]
    quiet = os.environ | {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "HF_HOME": os.path.join(place, "peers-home")}
    floor.warm(job.inputs)
    pairs = []
    for _ in range(arguments.runs):
        families.remove(job.output)
        ours = floor.measured(job.command)
        families.remove(job.output)
        theirs = floor.measured(command, env=quiet)
        families.remove(output)
        pairs.append((ours, theirs))
    ratios = [theirs["seconds"] / ours["seconds"] for ours, theirs in pairs]
    result = {"row": row, "runs": len(pairs), "ratio": statistics.median(ratios), "ratio_least": min(ratios), "ratio_most": max(ratios),
              "ratio_limit": LIMITS[row]}
    for name, side in (("weir", 0), ("mergekit", 1)):
        used = [pair[side] for pair in pairs]
        result[name] = {key: statistics.median(run[key] for run in used) for key in ("seconds", "cpu_seconds")}
        result[name]["peak_bytes"] = max(run["peak_bytes"] for run in used)
    return result


def cells(result):
    ours, theirs = result["weir"], result["mergekit"]
    return [result["row"], f"{ours['seconds']:.2f}", f"{theirs['seconds']:.1f}", f"{result['ratio']:.1f}",
            f"{result['ratio_least']:.1f}–{result['ratio_most']:.1f}", str(result["ratio_limit"]), f"{ours['peak_bytes'] / (1 << 20):.0f}",
            f"{theirs['peak_bytes'] / (1 << 20):.0f}", f"{ours['cpu_seconds']:.2f}", f"{theirs['cpu_seconds']:.1f}"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weir", default=os.path.join(bench.ROOT, ".build", "release", "weir"), help="the program (default: the release build)")
    parser.add_argument("--rows", default=",".join(LIMITS), help="which merges, with commas (default: %(default)s)")
    parser.add_argument("--runs", type=int, default=3, help="pairs per merge (default: %(default)s)")
    parser.add_argument("--family", choices=families.FAMILIES, default="m1b", help="the models (default: %(default)s)")
    parser.add_argument("--peer-python", help="a Python that has mergekit (default: one of its own is made)")
    parser.add_argument("--markdown", action="store_true", help="print the table as the documents have it")
    parser.add_argument("--json", metavar="FILE", help="write all figures to FILE as well")
    arguments = parser.parse_args()
    arguments.weir, place = os.path.abspath(arguments.weir), families.folder()
    chosen = arguments.rows.split(",")
    if unknown := [row for row in chosen if row not in LIMITS]:
        parser.error(f"no merge is called '{unknown[0]}', expected some of {', '.join(LIMITS)}")
    if not os.access(arguments.weir, os.X_OK):
        parser.error(f"'{arguments.weir}' is not there; build it with 'make'")
    python = arguments.peer_python or environment(place)
    packages = versions(python)
    print(packages)
    bench.heading(COLUMNS, WIDTHS, arguments.markdown)
    results = []
    for row in chosen:
        results.append(bench_peer(row, arguments, place, python))
        print(bench.line(cells(results[-1]), WIDTHS, arguments.markdown), flush=True)
    if arguments.json:
        with open(arguments.json, "w") as file:
            json.dump({"packages": packages, "machine": bench.machine(), "family": arguments.family, "rows": results}, file, indent=2)


if __name__ == "__main__":
    main()
