"""Guards what thirty thousand tensors cost: planning, its memory, every tensor of a run; and what it costs to start at all.

    .venv/bin/python Tests/Limits/scale.py [--weir PATH]

Processor seconds are compared, because other work on the machine does not count there; a limit is the figure to reach times SLACK,
because CI's machines are slow and unlike. The figures are printed, for a quiet machine.
"""
import os

import limits
from limits import MIB, floor

LAYERS, EXPERTS = 24, 416
SLACK = 4
PLAN_SECONDS, PLAN_MEMORY, TENSOR_SECONDS, HELP_SECONDS = 1.0, 100 * MIB, 50e-6, 0.010


def tensors():
    """A mixture of experts: 30,024 small tensors."""
    result = {"model.embed_tokens.weight": (64, 16)}
    for layer in range(LAYERS):
        prefix = f"model.layers.{layer}.mlp."
        result[f"{prefix}gate.weight"] = (EXPERTS, 16)
        result |= {f"model.layers.{layer}.{name}.weight": (16, 16) for name in ("self_attn.q_proj", "self_attn.o_proj")}
        for expert in range(EXPERTS):
            result |= {f"{prefix}experts.{expert}.{name}.weight": (16, 16) for name in ("gate_proj", "up_proj", "down_proj")}
    return result


def least(command, output=None, runs=3):
    """The least processor seconds of several runs, and the largest peak."""
    found = []
    for _ in range(runs):
        limits.families.remove(output)
        found.append(floor.measured(command))
    limits.families.remove(output)
    return min(used["cpu_seconds"] for used in found), max(used["peak_bytes"] for used in found)


def checks(weir, folder, report):
    def within(found, figure, what, unit=1, name="s"):
        report.holds(found <= figure * SLACK, f"{what}: {found / unit:.3g} {name}, figure {figure / unit:g}, limit {figure * SLACK / unit:g}")

    shapes = tensors()
    models = limits.make(folder, shapes, 3, 8)
    output = os.path.join(folder, "merged")
    for op, parameters, chosen in (("linear", {}, models[1:]), ("ties", {"density": 0.2}, models)):
        pipeline = limits.pipeline(os.path.join(folder, f"{op}.json"), op, chosen, output, **parameters)
        plan, peak = least([weir, "plan", pipeline])
        within(plan, PLAN_SECONDS, f"plan of {op}, {len(shapes)} tensors")
        report.holds(peak <= PLAN_MEMORY, f"memory of that plan: {peak / MIB:.0f} MiB, at most {PLAN_MEMORY >> 20}")
        run, _ = least([weir, "run", pipeline, "--quiet"], output)
        # A run plans as well; reading headers and planning are not what a tensor costs when it is merged.
        within(max(run - plan, 0) / len(shapes), TENSOR_SECONDS, f"each tensor of {op}", 1e-6, "µs")
    within(least([weir, "--help"], runs=9)[0], HELP_SECONDS, "--help", 1e-3, "ms")


if __name__ == "__main__":
    limits.run(checks, __doc__)
