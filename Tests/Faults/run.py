#!/usr/bin/env python3
"""The fault campaign: every system call of a small run fails once, and each time the program has to end well.

    .venv/bin/python Tests/Faults/run.py                 a few calls of every kind, as in CI
    .venv/bin/python Tests/Faults/run.py --all           every one of them (make campaign-faults)
    .venv/bin/python Tests/Faults/run.py WORD…           only scenarios and calls with these words in their names

faults.c, loaded between the program and the C library, lets the Nth call of a class fail. Whatever fails: the program ends in time
with exit code 0, 1 or 2; with 0 the output has the right bytes; otherwise a line on standard error says why, nothing stands under
the output's name that is not whole, and what stood there before still does; no input is changed; and the next run, undisturbed,
ends in the right bytes and leaves nothing else behind. Calls that are to be repeated or done without must not fail the run at all.
"""
import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import ml_dtypes
import numpy as np
from safetensors.numpy import save_file

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
PROGRAM = os.path.join(ROOT, ".build", "release", "weir")
SECONDS = 60

# What happens to calls of each class. A star: the run must not notice. A plus: from then on all of them fail. A cross: the language
# ends the process, which must have done no harm by then.
FAULTS = {
    "open": ["EIO", "EMFILE", "ENOSPC", "EMFILE+", "EINTR*"],
    "pread": ["EIO", "EIO+", "end", "EINTR*", "short*"],
    "pwrite": ["EIO", "ENOSPC", "ENOSPC+", "EINTR*", "short*"],
    "sync": ["EIO", "EIO+", "ENOSPC", "EINTR*"],
    "rename": ["EIO", "ENOSPC", "EIO+"],
    "truncate": ["EIO", "EINTR*"],
    "reserve": ["EIO", "ENOSPC", "EOPNOTSUPP*", "EINTR*"],
    "mkdir": ["EIO", "ENOSPC", "EROFS+"],
    "remove": ["EIO", "EIO+"],
    "map": ["ENOMEM*", "ENOMEM+*"],
    "populate": ["EFAULT", "EIO", "ENOMEM", "EINTR*", "EINVAL*"],
    "allocate": ["ENOMEM", "ENOMEM+"],
    "malloc": ["ENOMEM×"],
    "status": ["EIO", "EACCES+"],
    "space": ["EIO*", "EIO+*"],
    "lock": ["EIO", "ENOLCK*", "EINTR*"],
    "close": ["EIO", "EIO+"],
    "list": ["EIO", "EIO+"],
    "thread": ["EAGAIN", "EAGAIN+"],
}


class Failure(Exception):
    """A run that did not end as it must."""


def expect(condition, message):
    if not condition:
        raise Failure(message)


# Models ------------------------------------------------------------------------------------------------------------------

def make_models(folder):
    """A base and two fine-tunes, each of three files, with what usually lies beside them."""
    random = np.random.default_rng(5)
    shapes = {f"model.layers.{layer}.{name}.weight": shape for layer in range(6)
              for name, shape in (("self_attn.q_proj", (64, 64)), ("mlp.up_proj", (96, 64)), ("norm", (64,)))}
    base = {name: random.standard_normal(shape, dtype=np.float32) for name, shape in shapes.items()}
    for model in ("base", "one", "two"):
        place = os.path.join(folder, model)
        os.makedirs(place)
        parts = [{}, {}, {}]
        for number, (name, value) in enumerate(base.items()):
            change = 0 if model == "base" else np.float32(0.05) * random.standard_normal(value.shape, dtype=np.float32)
            parts[3 * number // len(base)][name] = (value + change).astype(ml_dtypes.bfloat16)
        names = [f"model-0000{n + 1}-of-00003.safetensors" for n in range(3)]
        for name, part in zip(names, parts):
            save_file(part, os.path.join(place, name), metadata={"format": "pt"})
        entries = ", ".join(f'"{key}": "{name}"' for name, part in zip(names, parts) for key in part)
        write(place, "model.safetensors.index.json", f'{{"metadata": {{}}, "weight_map": {{{entries}}}}}')
        write(place, "config.json", '{"model_type": "llama", "num_hidden_layers": 6, "torch_dtype": "bfloat16"}')
        write(place, "tokenizer.json", '{"model": {"vocab": {"a": 0, "b": 1}}}')
        write(place, "tokenizer_config.json", "{}")
        write(place, "chat_template.jinja", "{{ messages }}")


def write(folder, name, text):
    with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
        file.write(text)


def contents(path):
    """Every file at or below a path with its bytes; `None` where nothing is there."""
    if os.path.isfile(path):
        with open(path, "rb") as file:
            return file.read()
    if not os.path.isdir(path):
        return None
    return {os.path.relpath(os.path.join(place, name), path): contents(os.path.join(place, name))
            for place, _, names in os.walk(path) for name in names}


# Scenarios ---------------------------------------------------------------------------------------------------------------

class Scenario:
    """One command; its output is called `out`, alone in its folder."""

    program = PROGRAM

    def __init__(self, name, work, arguments, earlier=None, suffix=""):
        self.name = name
        self.place = os.path.join(work, name.replace(" ", "-"))
        self.out = os.path.join(self.place, "out" + suffix)
        self.inputs = os.path.join(work, "models")
        self.arguments = [a.replace("OUT", self.out) for a in arguments]
        # What stands at the output's path beforehand.
        self.earlier = earlier

    def prepare(self):
        shutil.rmtree(self.place, ignore_errors=True)
        os.makedirs(self.place)
        if self.earlier:
            shutil.copytree(self.earlier, self.out)

    def run(self, shim=None, fault=None, counts=None, more=()):
        environment = {**os.environ, "SWIFT_BACKTRACE": "enable=no"}
        environment.update({"LD_PRELOAD": shim} if shim else {})
        environment.update({"WEIR_FAULT": fault} if fault else {})
        environment.update({"WEIR_FAULT_COUNTS": counts} if counts else {})
        command = [self.program, *self.arguments, *more]
        return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=self.inputs)

    def finish(self, process):
        try:
            _, said = process.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise Failure(f"not at its end after {SECONDS} s")
        return process.returncode, said.strip()

    def others(self):
        """What lies beside the output."""
        return sorted(name for name in os.listdir(self.place) if name != os.path.basename(self.out))

    def run_clean(self, what):
        """An undisturbed run, which must succeed."""
        code, said = self.finish(self.run(more=["--overwrite"] if os.path.exists(self.out) and not self.earlier else []))
        expect(code == 0, f"{what}: exit code {code}, expected 0; it said: {said[-500:]}")
        expect(not self.others(), f"{what}: left {self.others()}")


def scenarios(work):
    """The commands that are put to the test; each is run once, undisturbed, for the bytes that are right."""
    models = os.path.join(work, "models")
    one, two, base = (os.path.join(models, name) for name in ("one", "two", "base"))
    common = ["-q", "--threads", "1"]
    ties = ["merge", "ties", one, two, "--base", base, "--density", "0.5", "--shard-size", "60K", "-o", "OUT", *common]
    archive = os.path.join(models, "one.tv.safetensors")
    result = [
        Scenario("merge", work, ties),
        Scenario("merge by reading", work, [*ties, "--read-policy", "read", "--threads", "2"]),
        Scenario("merge over an earlier output", work, [*ties, "--overwrite"], earlier=two),
        Scenario("compress", work, ["compress", base, one, "-o", "OUT", "--codec", "lossless", *common], suffix=".tv.safetensors"),
        Scenario("compress by halves", work, ["compress", base, one, "-o", "OUT", "--density", "0.1", "--threads", "2", "-q"],
                 suffix=".tv.safetensors"),
        Scenario("apply", work, ["apply", base, archive, "-o", "OUT", *common]),
    ]
    subprocess.run([Scenario.program, "compress", base, one, "-o", archive, "--codec", "lossless", "-q"], check=True)
    for scenario in result:
        scenario.prepare()
        scenario.run_clean("the undisturbed run")
        scenario.expected = contents(scenario.out)
    return result


def counts_of(scenario, shim, work):
    """How many calls of each class the run makes."""
    path = os.path.join(work, "counts")
    scenario.prepare()
    code, said = scenario.finish(scenario.run(shim, counts=path))
    expect(code == 0, f"exit code {code} with nothing but a count: {said}")
    with open(path, encoding="utf-8") as file:
        return {name: int(count) for name, count in map(str.split, file)}


# Faults ------------------------------------------------------------------------------------------------------------------

def try_fault(scenario, shim, name, kind, number):
    """One run in which one call fails, and the run after it; returns what the program said."""
    quiet, fatal, stays = kind.endswith("*"), kind.endswith("×"), "+" in kind
    scenario.prepare()
    before = contents(scenario.out)
    fault = f"{name}:{kind.strip('*+×')}:{number}{'+' if stays else ''}"
    code, said = scenario.finish(scenario.run(shim, fault))
    after = contents(scenario.out)
    lines = [line for line in said.splitlines() if line]
    if code == 0:
        expect(after == scenario.expected, "exit code 0, and the output has other bytes")
        # Whoever cannot remove anything leaves it, and whoever cannot open or list a folder does not find it.
        expect(not scenario.others() or name in ("remove", "open", "list"), f"exit code 0, and {scenario.others()} beside the output")
    else:
        expect(not quiet, f"exit code {code}, expected 0; it said: {said}")
        expect(code in (1, 2) or fatal and code < 0, f"exit code {code}, expected 0, 1 or 2; it said: {said[-1000:]}")
        expect(code < 0 or any(line.startswith("error: ") for line in lines), f"exit code {code} without an error; it said: {said!r}")
        expect(code < 0 or len(lines) <= 8, f"{len(lines)} lines of errors")
        expect(after in (before, scenario.expected), "something under the output's name that is neither whole nor what was there before")
        expect(after == before or code < 0 or "in place" in said, f"the output is in place, and the error does not say so: {said}")
    scenario.run_clean(f"the run after '{said[:300]}'")
    expect(contents(scenario.out) == scenario.expected, f"the run after '{said[:300]}' ended in other bytes")
    return code, said


def chosen_numbers(count, stride, offset):
    """Which of the calls fail: the first, the last, and some between."""
    if stride <= 1:
        return range(1, count + 1)
    return sorted({1, count, *range(1 + offset % stride, count + 1, stride)} & set(range(1, count + 1)))


def campaign(scenario, shim, stride, words, work, log):
    """Every fault in a scenario's run; returns how many there were, and the failures."""
    counts = counts_of(scenario, shim, work)
    print(f"{scenario.name}: {sum(counts.values())} system calls: "
          + ", ".join(f"{count} {name}" for name, count in counts.items() if count), flush=True)
    expect(scenario.name != "merge" or sum(counts.values()) >= 300, "fewer than 300 calls are no test")
    done, failures = 0, []
    for name, kinds in FAULTS.items():
        for place, kind in enumerate(kinds):
            if not all(word in f"{scenario.name} {name} {kind}" for word in words):
                continue
            for number in chosen_numbers(counts[name], stride, place):
                done += 1
                title = f"{scenario.name}: {name} {number} of {counts[name]}: {kind}"
                try:
                    code, said = try_fault(scenario, shim, name, kind, number)
                    if log:
                        print(f"{title}: {code} {said}", file=log, flush=True)
                except Failure as failure:
                    failures.append(f"{title}: {failure}")
                    print(f"FAILED  {title}\n        {failure}", flush=True)
    return done, failures


# Inputs that change ------------------------------------------------------------------------------------------------------

def try_change(scenario, shim, name, number, change, path):
    """A run that another process stops after one call, to change an input, and lets go on."""
    scenario.prepare()
    process = scenario.run(shim, f"{name}:stop:{number}")
    deadline = time.monotonic() + SECONDS
    while True:
        found, status = os.waitpid(process.pid, os.WUNTRACED | os.WNOHANG)
        if found and os.WIFSTOPPED(status):
            break
        if found:
            # Threads share the calls out anew each time: this run had fewer.
            process.returncode = os.waitstatus_to_exitcode(status)
            process.communicate()
            return None
        expect(time.monotonic() < deadline, "neither stopped nor ended")
        time.sleep(0.001)
    kept = path + ".kept"
    shutil.copy2(path, kept)
    try:
        change(path)
        os.kill(process.pid, signal.SIGCONT)
        code, said = scenario.finish(process)
    finally:
        os.replace(kept, path)
    after = contents(scenario.out)
    if code == 0:
        # What was changed before the run opened it is another input.
        allowed = (scenario.expected, scenario.changed.get((change, path)))
        expect(after in allowed, "exit code 0, and the output has other bytes")
    else:
        expect(code in (1, 2), f"exit code {code}, expected 0, 1 or 2; it said: {said}")
        expect(os.path.basename(path) in said, f"the error does not name the file: {said}")
        expect(after is None, "something under the output's name")
    scenario.run_clean(f"the run after '{said[:300]}'")
    expect(contents(scenario.out) == scenario.expected, "the run after it ended in other bytes")
    return code


def cut(path):
    os.truncate(path, os.path.getsize(path) // 3)


def empty(path):
    os.truncate(path, 0)


def overwrite(path):
    """Other bytes of the same length in the same file."""
    with open(path, "r+b") as file:
        file.seek(os.path.getsize(path) - 64)
        file.write(b"\x3f" * 64)


def replace(path):
    """Another file under the same name."""
    with open(path + ".new", "wb") as file:
        file.write(b"\x00" * 100)
    os.replace(path + ".new", path)


def changed_beforehand(scenario, change, path):
    """The output of a run on an input that has been changed already."""
    kept = path + ".kept"
    shutil.copy2(path, kept)
    try:
        change(path)
        scenario.prepare()
        scenario.finish(scenario.run())
        return contents(scenario.out)
    finally:
        os.replace(kept, path)


def changes(scenario, shim, stride, words, work):
    """Inputs cut, overwritten and replaced at every point of a run; returns how many there were, and the failures."""
    counts = counts_of(scenario, shim, work)
    done, noticed, failures = 0, 0, []
    scenario.changed = {}
    for name in ("populate", "pread"):
        for place, change in enumerate((cut, empty, overwrite, replace)):
            for model in ("base", "two"):
                path = os.path.join(scenario.inputs, model, "model-00002-of-00003.safetensors")
                title = f"{scenario.name}: {change.__name__} {model} at {name}"
                if not all(word in title for word in words):
                    continue
                scenario.changed[change, path] = changed_beforehand(scenario, change, path)
                for number in chosen_numbers(counts[name], stride, place):
                    done += 1
                    try:
                        noticed += try_change(scenario, shim, name, number, change, path) in (1, 2)
                    except Failure as failure:
                        failures.append(f"{title} {number}: {failure}")
                        print(f"FAILED  {title} {number} of {counts[name]}\n        {failure}", flush=True)
    print(f"{scenario.name}: {done} changes of inputs, {noticed} of them noticed", flush=True)
    return done, failures


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("words", nargs="*", help="only what has these words in its name")
    parser.add_argument("--all", action="store_true", help="every call, not a few")
    parser.add_argument("--stride", type=int, default=40, help="which part of the calls fails: one in so many (%(default)s)")
    parser.add_argument("--program", default=PROGRAM, help="the program (%(default)s)")
    parser.add_argument("--log", help="a file for what the program says each time")
    arguments = parser.parse_args()
    if sys.platform != "linux":
        print("faults: only on Linux, skipped")
        return 0
    Scenario.program = os.path.abspath(arguments.program)
    stride = 1 if arguments.all else arguments.stride
    work = tempfile.mkdtemp(prefix="weir-faults-")
    done, failures = 0, []
    try:
        shim = os.path.join(work, "faults.so")
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-o", shim, os.path.join(HERE, "faults.c"), "-ldl"],
                       check=True)
        make_models(os.path.join(work, "models"))
        log = open(arguments.log, "w", encoding="utf-8") if arguments.log else None
        made = scenarios(work)
        inputs = contents(os.path.join(work, "models"))
        for scenario in made:
            more, found = campaign(scenario, shim, stride, arguments.words, work, log)
            done, failures = done + more, failures + found
        for scenario in made[:2]:
            more, found = changes(scenario, shim, stride, arguments.words, work)
            done, failures = done + more, failures + found
        expect(contents(os.path.join(work, "models")) == inputs, "an input was changed")
    finally:
        shutil.rmtree(work, ignore_errors=True)
    print(f"faults: {done} runs, {len(failures)} failed")
    return 1 if failures or not done else 0


if __name__ == "__main__":
    sys.exit(main())
