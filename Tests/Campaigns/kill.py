#!/usr/bin/env python3
"""Kills runs at random instants, lets them go on, and compares the end with a run that was never disturbed.

    make campaign-kill                       200 kills
    make campaign-kill ARGS='--kills 20 --seed 7'

Every case is run once undisturbed. Then the same command is started again and again and killed with SIGKILL at a random
instant, each time with other threads and another budget, until all kills of its share are spent or it comes to its end;
what comes out must have the same bytes, file by file, and nothing else may stand beside it.
"""
import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

WEIR = Path(__file__).resolve().parents[2] / ".build/release/weir"


def write_model(folder, seed, layers, rows, columns):
    """A model of bfloat16 numbers between -1 and 1 in two shards."""
    folder.mkdir()
    generator = random.Random(seed)
    names = {}
    for shard in range(2):
        header, blobs, offset = {}, [], 0
        for layer in range(shard, layers, 2):
            for name, shape in ((f"model.layers.{layer}.w", [rows, columns]), (f"model.layers.{layer}.norm", [columns + 1])):
                count = shape[0] * (shape[1] if len(shape) > 1 else 1)
                # High bytes of small numbers of either sign, low bytes at random.
                low = generator.randbytes(count)
                high = bytes(b & 0x80 | 0x38 | b & 0x07 for b in generator.randbytes(count))
                data = bytearray(2 * count)
                data[0::2], data[1::2] = low, high
                header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [offset, offset + len(data)]}
                offset += len(data)
                blobs.append(bytes(data))
                names[name] = f"model-{shard + 1:05}-of-00002.safetensors"
        text = json.dumps(header).encode()
        with open(folder / f"model-{shard + 1:05}-of-00002.safetensors", "wb") as file:
            file.write(struct.pack("<Q", len(text)) + text + b"".join(blobs))
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": names}))
    (folder / "config.json").write_text('{"model_type": "llama", "num_hidden_layers": %d}' % layers)


def content(path):
    """The hash of every file of an output."""
    files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
    return {str(file.relative_to(path)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def cases():
    """Command lines without their output, and what the output is called."""
    two = ["a", "b"]
    return [
        (["merge", "linear", "a:0.25", "b:0.5"], "out"),
        (["merge", "linear", *two, "--shard-size", "5MB"], "out"),
        (["merge", "ties", "--base", "base", *two, "--density", "0.3", "--scope", "model"], "out.safetensors"),
        (["merge", "dare_ties", "--base", "base", *two, "--density", "0.3"], "out"),
        (["copy", "a", "--dtype", "f16"], "out.safetensors"),
        (["compress", "base", "a", "--codec", "lossless"], "out.tv.safetensors"),
        (["compress", "base", "a", "--density", "0.1"], "out.tv.safetensors"),
        (["compress", "base", "a", "--target-size", "1MB"], "out.tv.safetensors"),
        (["apply", "base", "../made.tv.safetensors"], "out"),
    ]


class Campaign:
    def __init__(self, folder, program, seed):
        self.program, self.folder, self.random, self.kills, self.resumed = program, folder, random.Random(seed), 0, 0

    def command(self, case, disturbed):
        words, out = case
        flags = ["--quiet"]
        if disturbed:
            flags += ["--threads", str(self.random.choice([1, 2, 3])), "--memory", self.random.choice(["128M", "352M", "1G"])]
        return [str(self.program), *words, "-o", out, *flags]

    def undisturbed(self, case, place):
        start = time.monotonic()
        subprocess.run(self.command(case, False), cwd=place, check=True)
        return time.monotonic() - start

    def disturb(self, case, place, seconds, kills):
        """Kills a run `kills` times at the most; gives back how often."""
        out, count = place / case[1], 0
        while count < kills and not out.exists():
            process = subprocess.Popen(self.command(case, True), cwd=place, stderr=subprocess.PIPE)
            try:
                process.wait(self.random.uniform(0, 1.2 * seconds))
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                count += 1
            _, errors = process.communicate()
            if process.returncode not in (0, -signal.SIGKILL):
                raise SystemExit(f"{' '.join(case[0])}: exit {process.returncode}: {errors.decode()}")
            if out.exists() and process.returncode != 0:
                # Killed after the last rename: whole or not at all.
                break
        if not out.exists():
            if (place / f".{case[1]}.weir-partial").exists():
                self.resumed += 1
            subprocess.run(self.command(case, True), cwd=place, check=True)
        self.kills += count
        return count

    def run(self, kills):
        expected, seconds = [], []
        for number, case in enumerate(cases()):
            place = self.folder / f"expected-{number}"
            place.mkdir()
            for model in ("base", "a", "b"):
                (place / model).symlink_to(self.folder / model)
            seconds.append(self.undisturbed(case, place))
            expected.append(content(place / case[1]))
            if case[1].endswith(".tv.safetensors") and "lossless" in case[0]:
                shutil.copy(place / case[1], self.folder / "made.tv.safetensors")
        trial = 0
        while self.kills < kills:
            number = trial % len(expected)
            case = cases()[number]
            place = self.folder / f"expected-{number}"
            out = place / case[1]
            shutil.rmtree(out) if out.is_dir() else out.unlink()
            self.disturb(case, place, seconds[number], min(self.random.randint(1, 6), kills - self.kills))
            if content(out) != expected[number]:
                raise SystemExit(f"{' '.join(case[0])}: other bytes than undisturbed; look at {place}")
            left = [name for name in os.listdir(place) if name not in ("base", "a", "b", case[1])]
            # A kill between the last rename and the end leaves the hidden folder for the next run to remove.
            if any(name != f".{case[1]}.weir-partial" for name in left):
                raise SystemExit(f"{' '.join(case[0])}: left {left}")
            for name in left:
                shutil.rmtree(place / name)
            trial += 1
            if trial % 10 == 0:
                print(f"{self.kills} of {kills} kills, {trial} runs of the same bytes", flush=True)
        return trial


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--layers", type=int, default=12, help="size of the models (default: 12 layers, 25 MB)")
    parser.add_argument("--program", type=Path, default=WEIR)
    arguments = parser.parse_args()
    if not arguments.program.exists():
        raise SystemExit(f"{arguments.program}: not built, expected the program; run 'make'")
    folder = Path(tempfile.mkdtemp(prefix="weir-kill-"))
    try:
        for seed, name in enumerate(("base", "a", "b")):
            write_model(folder / name, seed, arguments.layers, 1000, 1024)
        campaign = Campaign(folder, arguments.program.resolve(), arguments.seed)
        trials = campaign.run(arguments.kills)
        print(f"{campaign.kills} kills in {trials} runs, {campaign.resumed} gone on with at the end: all of the same bytes")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
