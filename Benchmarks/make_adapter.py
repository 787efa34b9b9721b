"""Writes LoRA adapters for the models of make_family.py, as PEFT writes them: factors of every linear layer, in F32."""
import json
import os
import zlib

import numpy as np

import make_family


def write_adapter(folder, size, rank, number):
    """Writes one adapter; its changes are of about the size of a fine-tune's."""
    tensors = {}
    for name, shape in make_family.shapes(size).items():
        if ".layers." in name and len(shape) == 2:
            module = "base_model.model." + name.removesuffix(".weight")
            tensors |= {f"{module}.lora_A.weight": (rank, shape[1]), f"{module}.lora_B.weight": (shape[0], rank)}

    def values(name, shape):
        random = np.random.default_rng(zlib.crc32(f"{name}/{rank}/{number}".encode()))
        return random.standard_normal(shape, dtype=np.float32) * np.float32((0.002 / rank ** 0.5) ** 0.5)

    make_family.write(folder, tensors, values, dtype="f32")
    os.rename(os.path.join(folder, "model.safetensors"), os.path.join(folder, "adapter_model.safetensors"))
    modules = sorted({name.split(".")[-3] for name in tensors})
    with open(os.path.join(folder, "adapter_config.json"), "w") as file:
        json.dump({"peft_type": "LORA", "task_type": "CAUSAL_LM", "r": rank, "lora_alpha": rank, "bias": "none",
                   "target_modules": modules}, file, indent=1)
