"""Times merges beside the least time in which this machine can read the same inputs and write the same output.

    make bench                                             all rows, nine pairs each
    make bench ARGS='--rows linear,ties --runs 3 --memory 64M --json results.json'
    make bench ARGS='--rows methods'                       a row or more for each class of methods
    make bench ARGS='--dtype bf16,f16,f32 --markdown'      the same models in other element types; the table for the documents
    make bench ARGS='--rows linear,ties --threads 1,2,4,8' how far threads scale
    make bench ARGS='--rows linear,ties --cold'            nothing in the page cache, for the floor neither

For every row, runs of iofloor (the floor) and of the program alternate; a pair's ratio is the one's time divided by the other's, and
medians are printed. Models are written once to bench-output/ or the folder that BENCH_DIR names: three checkpoints of 1.7 GB in
bfloat16, more where rows or element types need them. The row 'plan' times `weir plan` on the headers of a model of 70 billion
parameters, whose shards are sparse files that hold nothing else.
"""
import argparse
import json
import os
import platform
import statistics
import subprocess
import sys

import families
import floor
import instructions
import rows
from rows import write_pipeline

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def bench_row(row, arguments, place, dtype, threads):
    """Measures one row; returns its figures, or why there are none."""
    entry = rows.ALL[row]
    result = {"row": row, "dtype": dtype, "threads": threads, "kind": entry.kind}
    known = rows.methods_of(arguments.weir)
    if entry.node and entry.node["op"] not in known:
        return result | {"skipped": f"this program has no method '{entry.node['op']}'"}
    # What a floor or a merge touches: its models and its output, of which the sources are read from the page cache.
    need = families.model_bytes(arguments.family, dtype) * (len(entry.models) + 1)
    if not arguments.cold and need > 0.8 * available_memory():
        return result | {"skipped": f"its files take {need / 1e9:.1f} GB, which do not fit the page cache"}
    family = families.family(place, arguments.family, dtype, entry.models)
    job = rows.prepare(row, arguments.weir, place, family, arguments.memory, threads)
    program, drop = floor.build(place), arguments.cold == "drop"

    def ready():
        families.remove(job.output)
        if arguments.cold:
            floor.cool(job.inputs, drop)

    floor.warm(job.inputs)
    pairs = []
    for number in range(arguments.runs + 1):
        ready()
        least = floor.seconds(program, place, job.output_bytes, job.inputs)
        ready()
        used = floor.measured(job.command)
        if number:  # the first pair only warms up
            pairs.append((least, used))
    families.remove(job.output)
    result |= figures(pairs, job, entry.limit)
    if arguments.instructions:
        result["instructions_per_element"] = instructions.per_element(
            row, job, arguments.weir, place, families.parameters(arguments.family))
    return result


def figures(pairs, job, limit):
    ratios = [used["seconds"] / least for least, used in pairs]
    seconds = statistics.median(used["seconds"] for _, used in pairs)
    input_bytes = families.size_of(job.inputs)
    return {
        "runs": len(pairs), "seconds": seconds, "floor_seconds": statistics.median(least for least, _ in pairs),
        "ratio": statistics.median(ratios), "ratio_least": min(ratios), "ratio_most": max(ratios), "ratio_limit": limit,
        "input_bytes": input_bytes, "output_bytes": job.output_bytes,
        "read_gb_per_second": input_bytes / seconds / 1e9, "write_gb_per_second": job.output_bytes / seconds / 1e9,
        "peak_bytes": max(used["peak_bytes"] for _, used in pairs), "cpu_seconds": statistics.median(used["cpu_seconds"] for _, used in pairs),
    }


def bench_seconds(row, arguments, place):
    """Measures a row that has no floor."""
    command = [arguments.weir, "--help"]
    if row == "plan":
        pipeline = os.path.join(place, "plan.json")
        write_pipeline(pipeline, "ties", families.large_headers(place), os.path.join(place, "merged70b"))
        command = [arguments.weir, "plan", pipeline]
    runs = [floor.measured(command) for _ in range(arguments.runs + 1)][1:]
    return {"row": row, "runs": arguments.runs, "seconds": statistics.median(run["seconds"] for run in runs),
            "seconds_limit": rows.SECONDS[row], "peak_bytes": max(run["peak_bytes"] for run in runs),
            "cpu_seconds": statistics.median(run["cpu_seconds"] for run in runs)}


def available_memory():
    """Bytes that files may take in the page cache without pressing anything out."""
    if os.path.exists("/proc/meminfo"):
        with open("/proc/meminfo") as file:
            return next(int(line.split()[1]) << 10 for line in file if line.startswith("MemAvailable"))
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2


def machine():
    processor = platform.processor() or platform.machine()
    if os.path.exists("/proc/cpuinfo"):
        with open("/proc/cpuinfo") as file:
            processor = next((line.split(":", 1)[1].strip() for line in file if line.startswith("model name")), processor)
    return {"processor": processor, "cores": floor.cores(),
            "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"), "system": f"{platform.system()} {platform.release()}"}


# The table -------------------------------------------------------------------------------------------------------------

COLUMNS = ["row", "weir s", "floor s", "ratio", "least–most", "limit", "in GB/s", "out GB/s", "peak MiB", "CPU s", "instr/elem"]
WIDTHS = [30, 8, 9, 7, 12, 7, 9, 10, 10, 8, 12]


def title(result):
    more = [result["dtype"]] if result.get("dtype") not in (None, "bf16") else []
    more += [f"{result['threads']} thread{'s' * (result['threads'] > 1)}"] if result.get("threads") else []
    return ", ".join([result["row"] + (f" ({result['kind']})" if result.get("kind") else ""), *more])


def cells(result):
    """A row as the table has it; '' where a column does not apply, '-' where it could not be measured."""
    peak, processor = f"{result['peak_bytes'] / (1 << 20):.0f}", f"{result['cpu_seconds']:.2f}"
    if "ratio" not in result:
        return [title(result), f"{result['seconds']:.3f}", "", "", "", f"{result['seconds_limit']:g} s", "", "", peak, f"{result['cpu_seconds']:.3f}", ""]
    count = result.get("instructions_per_element")
    return [title(result), f"{result['seconds']:.3f}", f"{result['floor_seconds']:.3f}", f"{result['ratio']:.2f}",
            f"{result['ratio_least']:.2f}–{result['ratio_most']:.2f}", f"{result['ratio_limit']:g}", f"{result['read_gb_per_second']:.2f}",
            f"{result['write_gb_per_second']:.2f}", peak, processor, "-" if count is None else f"{count:.1f}"]


def heading(columns, widths, markdown):
    print(line(columns, widths, markdown), flush=True)
    if markdown:
        print("|---|" + "---:|" * (len(columns) - 1))


def line(values, widths, markdown):
    if markdown:
        return "| " + " | ".join(values) + " |"
    return values[0].ljust(widths[0]) + "".join(value.rjust(width) for value, width in zip(values[1:], widths[1:]))


def notes(arguments, results):
    """What a reader of the table must know."""
    has = machine()
    yield f"{has['processor']}, {has['cores']} cores, {has['memory_bytes'] / (1 << 30):.0f} GiB, {has['system']}; family {arguments.family}; " + (
        f"medians of {arguments.runs} alternating pairs; " + {"": "files in the page cache", "drop": "page cache dropped before every run",
                                                                "advise": "inputs advised out of the page cache before every run"}[arguments.cold])
    ways = {"perf": "instr/elem: instructions in user mode per parameter of one checkpoint, by perf",
            "callgrind": "instr/elem: by callgrind on one thread, from the difference of two small families, AVX2 kernels",
            None: "instr/elem: neither perf's counter nor valgrind is there"}
    yield ways[instructions.way()] if arguments.instructions else "instr/elem: not counted (--no-instructions)"
    yield from (f"{title(result)}: skipped, {result['skipped']}" for result in results if "skipped" in result)


def exceeds(result):
    if "ratio" in result:
        return result["ratio"] > result["ratio_limit"]
    return "seconds" in result and result["seconds"] > result["seconds_limit"]


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], epilog=__doc__.split("\n", 2)[2],
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weir", default=os.path.join(ROOT, ".build", "release", "weir"), help="the program (default: the release build)")
    parser.add_argument("--rows", default="main", help="rows with commas; main, methods, all are groups (default: %(default)s)")
    parser.add_argument("--runs", type=int, default=9, help="measured pairs per row (default: %(default)s)")
    parser.add_argument("--memory", help="the program's budget, as its --memory takes it (default: the program's)")
    parser.add_argument("--threads", default="", help="the program's threads; several with commas repeat every row (default: the program's)")
    parser.add_argument("--family", choices=families.FAMILIES, default="m1b", help="the models (default: %(default)s; the others only try the script)")
    parser.add_argument("--dtype", default="bf16", help="element types with commas: bf16, f16, f32 (default: %(default)s)")
    parser.add_argument("--cold", nargs="?", const="auto", default="", choices=["auto", "drop", "advise"],
                        help="before every run take all files (drop, needs root) or the inputs (advise) out of the page cache")
    parser.add_argument("--no-instructions", dest="instructions", action="store_false", help="do not count instructions")
    parser.add_argument("--markdown", action="store_true", help="print the table as the documents have it")
    parser.add_argument("--json", metavar="FILE", help="write all figures to FILE as well")
    parser.add_argument("--check", action="store_true", help="end with exit code 1 if a row exceeds its limit")
    arguments = parser.parse_args()
    arguments.weir = os.path.abspath(arguments.weir)
    try:
        arguments.rows = rows.chosen(arguments.rows)
        arguments.threads = [int(word) for word in arguments.threads.split(",") if word] or [None]
    except ValueError as error:
        parser.error(str(error))
    arguments.dtype = arguments.dtype.split(",")
    if unknown := [name for name in arguments.dtype if name not in families.WIDTH]:
        parser.error(f"--dtype is '{unknown[0]}', expected some of {', '.join(families.WIDTH)}")
    if arguments.runs < 1:
        parser.error("--runs must be at least 1")
    if not os.access(arguments.weir, os.X_OK):
        parser.error(f"'{arguments.weir}' is not there; build it with 'make'")
    if arguments.cold == "auto":
        arguments.cold = "drop" if floor.may_drop() else "advise"
    return arguments


def main():
    arguments, place = parse(), families.folder()
    results = []

    def show(result):
        results.append(result)
        if "skipped" not in result:
            print(line(cells(result), WIDTHS, arguments.markdown), flush=True)

    heading(COLUMNS, WIDTHS, arguments.markdown)
    for dtype in arguments.dtype:
        for row in arguments.rows:
            if row in rows.ALL:
                for threads in arguments.threads:
                    show(bench_row(row, arguments, place, dtype, threads))
    for row in arguments.rows:
        if row in rows.SECONDS:
            show(bench_seconds(row, arguments, place))
    print("", *notes(arguments, results), sep="\n")
    if arguments.json:
        version = subprocess.run([arguments.weir, "--version"], capture_output=True, text=True).stdout.strip()
        settings = {name: getattr(arguments, name) for name in ("family", "memory", "cold", "runs")}
        with open(arguments.json, "w") as file:
            json.dump({"version": version, "machine": machine(), "settings": settings, "instructions_by": instructions.way(), "rows": results},
                      file, indent=2)
    slow = [title(result) for result in results if exceeds(result)]
    if slow:
        print(f"over the limit: {'; '.join(slow)}")
    sys.exit(1 if slow and arguments.check else 0)


if __name__ == "__main__":
    main()
