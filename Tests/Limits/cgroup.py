"""Merges models larger than the memory of the control group that they are merged in, page cache included.

    .venv/bin/python Tests/Limits/cgroup.py [--weir PATH]

The kernel counts: what the group held at most, and whether it had to kill. Works with version 1 and 2 of control groups; says that
it was skipped where neither lets this user make a group.
"""
import os
import subprocess

import limits
from limits import MIB, families, floor, make_family

LIMIT = 256 * MIB
# 320 MB each: one tensor of 115 MB, which is larger than the budget, among smaller ones.
SIZE = make_family.Size(3, 1024, 4096, 56000, 256, 8, 2, 2)


class Group:
    """A control group of our own with a limit of memory, removed at the end of a `with`."""

    def __init__(self, path, version):
        self.path, self.version = path, version

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.rmdir(self.path)

    def read(self, name):
        with open(os.path.join(self.path, name)) as file:
            return file.read()

    def write(self, name, value):
        with open(os.path.join(self.path, name), "w") as file:
            file.write(str(value))

    def limit(self, count):
        self.write("memory.limit_in_bytes" if self.version == 1 else "memory.max", count)
        if self.version == 2 and os.path.exists(os.path.join(self.path, "memory.swap.max")):
            self.write("memory.swap.max", 0)

    def peak(self):
        return int(self.read("memory.max_usage_in_bytes" if self.version == 1 else "memory.peak"))

    def kills(self):
        lines = self.read("memory.oom_control" if self.version == 1 else "memory.events").splitlines()
        return sum(int(line.split()[1]) for line in lines if line.split()[0] == "oom_kill")

    def run(self, command):
        """Runs a command inside; the shell enters the group before it becomes the command."""
        enter = 'echo $$ > "$0" && exec "$@"'
        return subprocess.run(["sh", "-c", enter, os.path.join(self.path, "cgroup.procs"), *command], capture_output=True, text=True)


def hierarchies():
    """Where a group may perhaps be made: version and folder, the root of a hierarchy before the group that we are in."""
    with open("/proc/self/mountinfo") as file:
        mounts = [line.split() for line in file]
    with open("/proc/self/cgroup") as file:
        own = {controllers: path for _, controllers, path in (line.strip().split(":", 2) for line in file)}
    for fields in mounts:
        kind, options = fields[fields.index("-") + 1], fields[-1].split(",")
        if kind == "cgroup2" or (kind == "cgroup" and "memory" in options):
            inside = next((path for name, path in own.items() if (name == "" if kind == "cgroup2" else "memory" in name.split(","))), "/")
            for path in dict.fromkeys([fields[4], fields[4] + inside.rstrip("/")]):
                yield 2 if kind == "cgroup2" else 1, path


def group(name):
    """A group with the limit, or None and why there is none."""
    reasons = []
    for version, parent in hierarchies() if os.path.exists("/proc/self/cgroup") else []:
        path = os.path.join(parent, f"weir-{name}-{os.getpid()}")
        try:
            if version == 2 and "memory" not in open(os.path.join(parent, "cgroup.subtree_control")).read().split():
                with open(os.path.join(parent, "cgroup.subtree_control"), "w") as file:
                    file.write("+memory")
            os.mkdir(path)
        except OSError as error:
            reasons.append(f"{parent}: {error.strerror}")
            continue
        made = Group(path, version)
        try:
            made.limit(LIMIT)
            made.peak()  # memory.peak came with Linux 5.19
            tried = made.run(["true"])
            if tried.returncode == 0:
                return made, None
            reasons.append(f"{parent}: {tried.stderr.strip()}")
        except OSError as error:
            reasons.append(f"{parent}: {error.strerror}")
        os.rmdir(path)
    return None, "; ".join(reasons) or "no hierarchy of control groups for memory is mounted"


def merge(name, parameters, models, weir, folder, report):
    made, reason = group(name)
    if not made:
        report.skip(f"{name} in a control group: {reason}")
        return
    with made:
        free, bound = os.path.join(folder, "free"), os.path.join(folder, "bound")
        pipeline = limits.pipeline(os.path.join(folder, f"{name}.json"), name, models, free, **parameters)
        subprocess.run([weir, "run", pipeline, "--quiet"], check=True)
        expected = limits.digest(free)
        families.remove(free)
        # Pages that are cached already are charged to who read them first.
        inputs = [path for model in models for path in families.shards(model)]
        floor.cool(inputs, drop=False)
        result = made.run([weir, "run", pipeline, "-o", bound, "--memory", "64M", "--quiet"])
        peak, kills = made.peak(), made.kills()
        size = sum(map(os.path.getsize, inputs))
        what = f"{name} of {size / 1e6:.0f} MB in a group of {LIMIT >> 20} MiB"
        report.holds(result.returncode == 0, f"{what} succeeds" + (f": {result.stderr.strip()[-500:]}" if result.returncode else ""))
        report.holds(kills == 0, f"{what}: the kernel killed {kills} times")
        report.holds(peak <= LIMIT, f"{what} held {peak / MIB:.0f} MiB at most, page cache included")
        report.holds(peak >= LIMIT // 2, f"{what}: the group was charged for what it read")
        report.holds(result.returncode == 0 and limits.digest(bound) == expected, f"{what} writes the same bytes as without bounds")
        families.remove(bound)


def checks(weir, folder, report):
    made, reason = group("probe")
    if not made:
        report.skip(f"merges in a control group: {reason}")
        return
    with made:
        pass
    models = limits.make(folder, make_family.shapes(SIZE), 3, SIZE.shards, make_family.config(SIZE))
    merge("ties", {"density": 0.2}, models, weir, folder, report)
    merge("linear", {}, models[1:], weir, folder, report)


if __name__ == "__main__":
    limits.run(checks, __doc__)
