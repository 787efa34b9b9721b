"""Made the golden archives in v1/: archives of the first version of the format, which have to stay readable for ever.

    python Tests/Fixtures/archives/make_golden.py OUT

Do not make them again. A file here is there because a program once wrote it; one that a newer program writes tests nothing but
that program. When the format gets a version, add a folder beside v1/. OUT gets the base, the archives, and expected.json: of an
archive that is applied the hash of each file that comes out, of a delta that of each tensor in F32, XXH3-128 in hexadecimal. Both
the program and python/weir_archive.py have to give them.
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile

import xxhash

import family

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), *[os.pardir] * 3))
sys.path.insert(0, os.path.join(ROOT, "python"))
import weir_archive

WEIR = os.path.join(ROOT, ".build", "release", "weir")
# A tensor with a NaN has no difference; of a whole checkpoint it is kept exactly.
ODD = ["--rule", "*odd*=lossless"]
CHECKPOINTS = {
    "lossless": ["--codec", "lossless"],
    "ternary": [*ODD, "--density", "0.2", "--alpha", "2"],
    "ternary-rows": [*ODD, "--density", "0.3", "--scale", "mean", "--scale-scope", "row"],
    "ternary-plane": [*ODD, "--density", "0.05", "--coding", "plane"],
    "ternary-context": [*ODD, "--density", "0.15", "--scope", "tensor", "--coding", "context"],
    "sign": [*ODD, "--codec", "sign"],
    "sign-rows": [*ODD, "--codec", "sign", "--scale-scope", "row"],
    "seeded": [*ODD, "--codec", "seeded", "--density", "0.3", "--seed", "7"],
    "dare": [*ODD, "--codec", "dare", "--density", "0.2", "--seed", "7"],
    "sparse": [*ODD, "--codec", "sparse", "--density", "0.1"],
    "sparse-exact": ["--codec", "sparse"],
    "dense": [*ODD, "--rule", "*mlp*=dense,values=bf16", "--rule", "*norm*=dense", "--density", "0.1"],
    "lowrank": [*ODD, "--codec", "lowrank", "--rank", "2"],
    "lowrank-int8": [*ODD, "--codec", "lowrank", "--rank", "2", "--factors", "int8"],
    "mixed": [*ODD, "--rule", "*norm*=dense", "--rule", "*mlp*=sign", "--density", "0.1", "--exclude", "*attention*"],
}
ADAPTERS = {"adapter": ["--density", "0.3"], "adapter-sign": ["--codec", "sign"]}
WIDE = {"for": "wide", "codec": "ternary", "density": 0.005, "scope": "tensor"}
DELTAS = {
    "delta": {"codec": "ternary", "density": 0.01},
    "delta-rows": {"codec": [{**WIDE, "scale_scope": "row"}, {"codec": "ternary", "density": 0.25, "scale_scope": "row", "scope": "tensor"}]},
    "delta-plane": {"codec": "ternary", "density": 0.005, "coding": "plane"},
    "delta-sparse": {"codec": "sparse", "density": 0.002},
    "delta-lowrank": {"codec": [WIDE, {"codec": "lowrank", "rank": 2}]},
}


def weir(*arguments, folder):
    subprocess.run([WEIR, *arguments, "--quiet"], cwd=folder, check=True)


def hash_of(data):
    return xxhash.xxh3_128_hexdigest(data)


def hashes(folder):
    found = {}
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), "rb") as file:
            found[name] = hash_of(file.read())
    return found


def expect(same, name):
    if not same:
        sys.exit(f"the program and the decoder differ in '{name}'")


def main(out):
    expected = {}
    with tempfile.TemporaryDirectory() as work:
        family.make(work)
        shutil.copytree(os.path.join(work, "base"), os.path.join(out, "base"))
        for name, flags in {**CHECKPOINTS, **ADAPTERS}.items():
            models, base = (["adapter"], None) if name in ADAPTERS else (["base", "tuned"], os.path.join(work, "base"))
            path = f"{name}.tv.safetensors"
            weir("compress", *models, "-o", path, *flags, folder=work)
            weir("apply", *models[:-1], path, "-o", "out-" + name, folder=work)
            weir_archive.open(os.path.join(work, path)).apply(base, os.path.join(work, "again-" + name))
            expected[path] = hashes(os.path.join(work, "out-" + name))
            expect(expected[path] == hashes(os.path.join(work, "again-" + name)), path)
        expect(expected["lossless.tv.safetensors"] == expected["sparse-exact.tv.safetensors"] == hashes(os.path.join(work, "tuned")), "tuned")
        for name, spec in DELTAS.items():
            path = f"{name}.tv.safetensors"
            with open(os.path.join(work, "pipeline.json"), "w") as file:
                json.dump({"weir": 1, "sources": {"change": {"path": "change.safetensors", "space": "delta"}},
                           "outputs": [{"from": "change", "to": path, **spec}]}, file)
            weir("run", "pipeline.json", folder=work)
            with open(os.path.join(work, "pipeline.json"), "w") as file:
                json.dump({"weir": 1, "sources": {"change": {"archive": path}},
                           "outputs": [{"from": "change", "to": name + ".safetensors", "dtype": "f32"}]}, file)
            weir("run", "pipeline.json", folder=work)
            archive = weir_archive.open(os.path.join(work, path))
            expected[path] = {key: hash_of(archive.delta(key).tobytes()) for key in archive.tensors}
            made = weir_archive.tensors_of(os.path.join(work, name + ".safetensors"))
            expect(expected[path] == {key: hash_of(made[key][2].tobytes()) for key in archive.tensors}, path)
        for path in expected:
            shutil.copy(os.path.join(work, path), out)
    with open(os.path.join(out, "expected.json"), "w") as file:
        json.dump(expected, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main(sys.argv[1])
