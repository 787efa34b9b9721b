"""Guards peak resident memory: the figure is the budget and 32 MiB, whatever the models, their number, their tensors and their shards.

    .venv/bin/python Tests/Limits/memory.py [--weir PATH]
"""
import os

import limits
from limits import MIB, families, floor

ALLOWANCE = 32 * MIB
BUDGETS = {None: 352 * MIB, "64M": 64 * MIB}
# How much more one run may take than another that should take the same: the rest of large pages around windows, and what a small
# model leaves unused. Growth with size would be many times as much.
GROWTH = 40 * MIB
MANY = 16
# Fewer than the shards of sixteen inputs, and no way to ask for more. A file that is read instead of mapped keeps its descriptor, so
# that there a program may ask.
DESCRIPTORS = 256


def tensors(count, elements):
    """As many matrices of as many elements each."""
    return {f"model.layers.{number}.mlp.up_proj.weight": (elements // 64, 64) for number in range(count)}


def peak(command, output, may_ask=False):
    command = ["sh", "-c", f'ulimit {"-S" if may_ask else ""} -n {DESCRIPTORS} && exec "$@"', "sh", *command]
    used = floor.measured(command)
    families.remove(output)
    return used["peak_bytes"]


def merge(weir, folder, models, budget, op, policy="auto"):
    """The peak of a merge."""
    output = os.path.join(folder, "merged")
    pipeline = limits.pipeline(os.path.join(folder, "merge.json"), op, models, output, **MERGES[op])
    return peak([weir, "run", pipeline, "--quiet", "--read-policy", policy, *(["--memory", budget] if budget else [])], output,
                policy == "read")


def compress(weir, folder, models, budget):
    output = os.path.join(folder, "made.tv.safetensors")
    return peak([weir, "compress", *models[:2], "-o", output, "--quiet", *(["--memory", budget] if budget else [])], output)


# Merges, and their parameters.
MERGES = {"linear": {}, "ties": {"density": 0.2}}


def checks(weir, folder, report):
    def within(found, budget, what):
        most = BUDGETS[budget] + ALLOWANCE
        report.holds(found <= most, f"{what}, budget {budget or 'by default'}: {found / MIB:.0f} MiB, at most {most >> 20}")

    # Sixty matrices of 800 kB in thirty shards; sixteen inputs take 800 MB.
    many = os.path.join(folder, "many")
    models = limits.make(many, tensors(60, 400_000), MANY, 30)
    for budget in BUDGETS:
        for op in MERGES:
            for count in (2, 8, MANY):
                within(merge(weir, folder, models[:count], budget, op), budget, f"{op} of {count} inputs of thirty shards")
            within(merge(weir, folder, models, budget, op, "read"), budget, f"{op} of {MANY} inputs of thirty shards, read")
        within(compress(weir, folder, models, budget), budget, "compress")
    families.remove(many)

    # Sixteen models of 64 MB whose files were written at once, of which the page cache holds pieces larger than a window.
    place = os.path.join(folder, "many large")
    models = limits.make(place, tensors(4, 8_000_000), MANY)
    for budget in BUDGETS:
        for op in MERGES:
            for count in (12, MANY):
                within(merge(weir, folder, models[:count], budget, op), budget, f"{op} of {count} models of large tensors")
    families.remove(place)

    # A model; one as large, of one tensor; and one of an eighth. Every tensor is longer than a window.
    shapes = {"large": tensors(16, 8_000_000), "one tensor": tensors(1, 128_000_000), "small": tensors(2, 8_000_000)}
    found = {}
    for name, shape in shapes.items():
        place = os.path.join(folder, "models")
        models = limits.make(place, shape, 3)
        for budget in BUDGETS:
            for op in MERGES:
                found[op, budget, name] = merge(weir, folder, models, budget, op)
            found["compress", budget, name] = compress(weir, folder, models, budget)
        families.remove(place)
    for (op, budget, name), value in found.items():
        within(value, budget, f"{op}, {name}")
        for other, what in (("one tensor", "tensor"), ("small", "model")):
            if name == "large":
                less, more = (found[op, budget, other], value) if other == "small" else (value, found[op, budget, other])
                report.holds(more <= less + GROWTH, f"{op}, budget {budget or 'by default'}: memory does not grow with the {what}: "
                             f"{less / MIB:.0f} and {more / MIB:.0f} MiB")


if __name__ == "__main__":
    limits.run(checks, __doc__)
