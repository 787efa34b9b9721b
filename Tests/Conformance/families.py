"""The models, adapters and tokenizers of the conformance recipes, each small, and the same at every run."""

import json

SEED = 20250711


def llama(layers, hidden=8, inner=8, vocabulary=12, tied=False):
    shapes = {"model.embed_tokens.weight": (vocabulary, hidden)}
    for layer in range(layers):
        shapes |= {f"model.layers.{layer}.{name}": shape for name, shape in {
            "self_attn.q_proj.weight": (hidden, hidden), "self_attn.k_proj.weight": (hidden // 2, hidden),
            "self_attn.v_proj.weight": (hidden // 2, hidden), "self_attn.o_proj.weight": (hidden, hidden),
            "mlp.gate_proj.weight": (inner, hidden), "mlp.up_proj.weight": (inner, hidden),
            "mlp.down_proj.weight": (hidden, inner), "input_layernorm.weight": (hidden,),
            "post_attention_layernorm.weight": (hidden,)}.items()}
    shapes["model.norm.weight"] = (hidden,)
    if not tied:
        shapes["lm_head.weight"] = (vocabulary, hidden)
    config = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": hidden,
              "intermediate_size": inner, "num_hidden_layers": layers, "num_attention_heads": 2,
              "num_key_value_heads": 1, "vocab_size": vocabulary, "tie_word_embeddings": tied, "torch_dtype": "float32"}
    return shapes, config


def mixtral(layers=2, hidden=8, inner=6, experts=2, vocabulary=8):
    shapes = {"model.embed_tokens.weight": (vocabulary, hidden)}
    for layer in range(layers):
        at = f"model.layers.{layer}."
        shapes |= {at + "input_layernorm.weight": (hidden,), at + "post_attention_layernorm.weight": (hidden,),
                   at + "block_sparse_moe.gate.weight": (experts, hidden)}
        shapes |= {at + f"self_attn.{name}_proj.weight": (hidden, hidden) for name in "qkvo"}
        for expert in range(experts):
            shapes |= {at + f"block_sparse_moe.experts.{expert}.{name}.weight": shape
                       for name, shape in {"w1": (inner, hidden), "w2": (hidden, inner), "w3": (inner, hidden)}.items()}
    shapes |= {"model.norm.weight": (hidden,), "lm_head.weight": (vocabulary, hidden)}
    config = {"architectures": ["MixtralForCausalLM"], "model_type": "mixtral", "hidden_size": hidden,
              "intermediate_size": inner, "num_hidden_layers": layers, "num_attention_heads": 2,
              "num_key_value_heads": 2, "num_local_experts": experts, "vocab_size": vocabulary, "torch_dtype": "float32"}
    return shapes, config


def t5(layers=2, hidden=8, inner=6, vocabulary=8):
    shapes = {"shared.weight": (vocabulary, hidden), "lm_head.weight": (vocabulary, hidden)}
    for side, last in (("encoder", 1), ("decoder", 2)):
        for block in range(layers):
            at = f"{side}.block.{block}.layer."
            for step, kind in list(enumerate(["SelfAttention", "EncDecAttention"][:last])):
                shapes |= {at + f"{step}.{kind}.{name}.weight": (hidden, hidden) for name in "qkvo"}
                shapes[at + f"{step}.layer_norm.weight"] = (hidden,)
            if block == 0:
                shapes[at + "0.SelfAttention.relative_attention_bias.weight"] = (4, 2)
            shapes |= {at + f"{last}.DenseReluDense.{name}.weight": (inner, hidden) for name in ("wi_0", "wi_1")}
            shapes |= {at + f"{last}.DenseReluDense.wo.weight": (hidden, inner), at + f"{last}.layer_norm.weight": (hidden,)}
        shapes[f"{side}.final_layer_norm.weight"] = (hidden,)
    config = {"architectures": ["T5ForConditionalGeneration"], "model_type": "t5", "d_model": hidden, "d_kv": 4,
              "d_ff": inner, "num_layers": layers, "num_decoder_layers": layers, "num_heads": 2,
              "feed_forward_proj": "gated-gelu", "relative_attention_num_buckets": 4, "vocab_size": vocabulary, "torch_dtype": "float32"}
    return shapes, config


def vision_llama(layers=2, hidden=8, inner=6, experts=2, vocabulary=10, vision_layers=2):
    """Llama 4's shape: a text decoder of a dense layer and one of fused experts, a vision tower, and what joins them."""
    shapes = {"language_model.model.embed_tokens.weight": (vocabulary, hidden)}
    for layer in range(layers):
        at = f"language_model.model.layers.{layer}."
        shapes |= {at + "input_layernorm.weight": (hidden,), at + "post_attention_layernorm.weight": (hidden,)}
        shapes |= {at + f"self_attn.{name}_proj.weight": (hidden, hidden) for name in "qkvo"}
        names = {"gate_proj.weight": (inner, hidden), "up_proj.weight": (inner, hidden), "down_proj.weight": (hidden, inner)}
        if layer % 2 == 0:
            shapes |= {at + f"feed_forward.{name}": shape for name, shape in names.items()}
        else:
            shapes |= {at + f"feed_forward.shared_expert.{name}": shape for name, shape in names.items()}
            shapes |= {at + "feed_forward.router.weight": (experts, hidden),
                       at + "feed_forward.experts.gate_up_proj": (experts, hidden, 2 * inner),
                       at + "feed_forward.experts.down_proj": (experts, inner, hidden)}
    shapes |= {"language_model.model.norm.weight": (hidden,), "language_model.lm_head.weight": (vocabulary, hidden),
               "multi_modal_projector.linear_1.weight": (hidden, 4), "vision_model.class_embedding": (4,),
               "vision_model.patch_embedding.linear.weight": (4, 12), "vision_model.positional_embedding_vlm": (5, 4)}
    for norm in ("layernorm_pre", "layernorm_post"):
        shapes |= {f"vision_model.{norm}.weight": (4,), f"vision_model.{norm}.bias": (4,)}
    shapes |= {"vision_model.vision_adapter.mlp.fc1.weight": (4, 4), "vision_model.vision_adapter.mlp.fc2.weight": (4, 4)}
    for layer in range(vision_layers):
        at = f"vision_model.model.layers.{layer}."
        for name in ("input_layernorm", "post_attention_layernorm"):
            shapes |= {at + f"{name}.weight": (4,), at + f"{name}.bias": (4,)}
        for name in ("mlp.fc1", "mlp.fc2", "self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj"):
            shapes |= {at + f"{name}.weight": (4, 4), at + f"{name}.bias": (4,)}
    text = {"model_type": "llama4_text", "hidden_size": hidden, "intermediate_size": inner, "intermediate_size_mlp": inner,
            "num_hidden_layers": layers, "num_attention_heads": 2, "num_key_value_heads": 2, "head_dim": 4,
            "num_local_experts": experts, "num_experts_per_tok": 1, "interleave_moe_layer_step": 2, "vocab_size": vocabulary}
    vision = {"model_type": "llama4_vision_model", "hidden_size": 4, "intermediate_size": 4,
              "num_hidden_layers": vision_layers, "num_attention_heads": 1}
    config = {"architectures": ["Llama4ForConditionalGeneration"], "model_type": "llama4", "text_config": text,
              "vision_config": vision, "torch_dtype": "float32"}
    return shapes, config


def whisper(layers=2, width=4, vocabulary=8):
    """An audio encoder and a text decoder."""
    shapes = {"model.encoder.conv1.weight": (width, 3, 3), "model.encoder.conv1.bias": (width,),
              "model.encoder.conv2.weight": (width, width, 3), "model.encoder.conv2.bias": (width,),
              "model.encoder.embed_positions.weight": (6, width), "model.decoder.embed_tokens.weight": (vocabulary, width),
              "model.decoder.embed_positions.weight": (5, width)}
    for side, kinds in (("encoder", ["self_attn"]), ("decoder", ["self_attn", "encoder_attn"])):
        norms = [f"{kind}_layer_norm" for kind in kinds] + ["final_layer_norm"]
        for layer in range(layers):
            at = f"model.{side}.layers.{layer}."
            for norm in norms:
                shapes |= {at + f"{norm}.weight": (width,), at + f"{norm}.bias": (width,)}
            for name in ("fc1", "fc2", *(f"{kind}.{part}" for kind in kinds for part in ("q_proj", "v_proj", "out_proj"))):
                shapes |= {at + f"{name}.weight": (width, width), at + f"{name}.bias": (width,)}
            shapes |= {at + f"{kind}.k_proj.weight": (width, width) for kind in kinds}
        shapes |= {f"model.{side}.layer_norm.weight": (width,), f"model.{side}.layer_norm.bias": (width,)}
    config = {"architectures": ["WhisperForConditionalGeneration"], "model_type": "whisper", "d_model": width,
              "encoder_layers": layers, "decoder_layers": layers, "encoder_attention_heads": 1, "decoder_attention_heads": 1,
              "encoder_ffn_dim": width, "decoder_ffn_dim": width, "vocab_size": vocabulary, "num_mel_bins": 3,
              "max_source_positions": 6, "max_target_positions": 5, "torch_dtype": "float32"}
    return shapes, config


class Folder:
    """Where models are written, with numbers of a generator of its own."""

    def __init__(self, path, seed):
        import numpy

        self.path = path
        self.generator = numpy.random.default_rng(seed)
        self.f32 = numpy.float32

    def numbers(self, shape, scale):
        return (self.generator.standard_normal(shape) * scale).astype(self.f32)

    def write(self, name, tensors, config):
        from safetensors.numpy import save_file

        (self.path / name).mkdir(parents=True, exist_ok=True)
        save_file(tensors, self.path / name / "model.safetensors", metadata={"format": "pt"})
        self.dump(name, "config.json", config)

    def dump(self, name, file, value):
        (self.path / name / file).write_text(json.dumps(value, indent=2) + "\n")

    def family(self, base, tuned, made, scale=0.2):
        shapes, config = made
        first = {name: self.numbers(shape, 0.3) for name, shape in shapes.items()}
        self.write(base, first, config)
        for name in tuned:
            # Every model changes other elements much, so that the models differ in what they change.
            self.write(name, {key: value + self.numbers(value.shape, scale)
                              * self.generator.choice([0.2, 1], value.shape).astype(self.f32)
                              for key, value in first.items()}, config)

    def adapter(self, name, factors, wholes=None, **config):
        """Writes what PEFT would: of each module its factors, by (out, in, rank) or by the tensors themselves."""
        from safetensors.numpy import save_file

        tensors = {}
        for module, sizes in factors.items():
            at = f"base_model.model.{module}"
            if module.endswith("embed_tokens"):
                height, width, rank = sizes
                tensors |= {f"{at}.lora_embedding_A": self.numbers((rank, height), 0.4),
                            f"{at}.lora_embedding_B": self.numbers((width, rank), 0.4)}
                continue
            rows, columns, rank = sizes
            tensors |= {f"{at}.lora_A.weight": self.numbers((rank, columns), 0.4),
                        f"{at}.lora_B.weight": self.numbers((rows, rank), 0.4)}
            if config.get("use_dora"):
                tensors[f"{at}.lora_magnitude_vector"] = abs(self.numbers((rows,), 0.3)) + 1
        for tensor, shape in (wholes or {}).items():
            tensors[f"base_model.model.{tensor}"] = self.numbers(shape, 0.3)
        (self.path / name).mkdir(parents=True, exist_ok=True)
        save_file(tensors, self.path / name / "adapter_model.safetensors", metadata={"format": "pt"})
        self.dump(name, "adapter_config.json", {
            "peft_type": "LORA", "task_type": "CAUSAL_LM", "base_model_name_or_path": "base", "inference_mode": True,
            "r": 2, "lora_alpha": 4, "lora_dropout": 0.0, "bias": "none",
            "target_modules": sorted({module.split(".")[-1] for module in factors}), **config})

    def tokenizer(self, name, plain, special, merges=()):
        """Writes a tokenizer of plain and special tokens, each in its row."""
        entries = [{"id": row, "content": token, "single_word": False, "lstrip": False, "rstrip": False,
                    "normalized": False, "special": True} for token, row in special.items()]
        self.dump(name, "tokenizer.json", {
            "version": "1.0", "truncation": None, "padding": None, "added_tokens": entries, "normalizer": None,
            "pre_tokenizer": None, "post_processor": None, "decoder": None,
            "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
                      "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False, "ignore_merges": False,
                      "vocab": plain, "merges": list(merges)}})
        decoder = {str(entry["id"]): {key: value for key, value in entry.items() if key != "id"} for entry in entries}
        self.dump(name, "tokenizer_config.json", {
            "added_tokens_decoder": decoder, "bos_token": "<s>", "eos_token": "</s>", "model_max_length": 64,
            "tokenizer_class": "PreTrainedTokenizerFast"})


def rows(tokens, first=0):
    return {token: first + place for place, token in enumerate(tokens)}


def make_models(path):
    """A few fine-tunes of one base, and others; no two deltas of a tensor have one magnitude."""
    folder = Folder(path, SEED)
    family = folder.family

    family("base", ["a", "b", "c"], llama(4))
    family("deep", [], llama(6))
    family("tied-a", ["tied-b"], llama(2, tied=True))
    family("moe-a", ["moe-b"], mixtral())
    family("t5-a", ["t5-b"], t5())

    folder = Folder(path, SEED + 1)
    folder.family("vision-a", ["vision-b"], vision_llama())
    folder.family("audio-a", ["audio-b"], whisper())
    make_adapters(Folder(path, SEED + 2))
    make_vocabularies(Folder(path, SEED + 3))


def make_adapters(folder):
    """Adapters of `base`, of the tied models and of the mixture of experts, of every kind that PEFT merges."""
    layers = [f"model.layers.{layer}" for layer in range(4)]
    sizes = {"self_attn.q_proj": (8, 8), "self_attn.k_proj": (4, 8), "self_attn.v_proj": (4, 8), "mlp.down_proj": (8, 8),
             "mlp.up_proj": (8, 8)}

    def factors(*names, rank=2, ranks=None):
        return {f"{layer}.{name}": (*sizes[name], (ranks or {}).get(f"{layer}.{name}", rank)) for layer in layers
                for name in names}

    folder.adapter("lora-a", factors("self_attn.q_proj", "self_attn.v_proj", "mlp.down_proj"))
    # A pattern that is a name, one that is part of it, and one that is an expression; the first that holds decides.
    ranks = {f"{layers[1]}.self_attn.q_proj": 1, **{f"{layer}.mlp.up_proj": 3 for layer in layers}}
    folder.adapter("lora-patterns", factors("self_attn.q_proj", "self_attn.k_proj", "mlp.up_proj", ranks=ranks),
                   rank_pattern={"layers.1.self_attn.q_proj": 1, "up_proj": 3},
                   alpha_pattern={r"layers\.[02]\..*_proj": 6, "k_proj": 1})
    folder.adapter("lora-roots", factors("self_attn.q_proj", "mlp.down_proj", rank=4), r=4, lora_alpha=8, use_rslora=True)
    folder.adapter("lora-lengths", factors("self_attn.q_proj", "self_attn.v_proj"), use_dora=True)
    folder.adapter("lora-wholes", {**factors("self_attn.q_proj"), "model.embed_tokens": (12, 8, 2)},
                   {"lm_head.weight": (12, 8)}, modules_to_save=["lm_head"])
    folder.adapter("lora-tied", {f"{layer}.self_attn.q_proj": (8, 8, 2) for layer in layers[:2]})
    folder.adapter("lora-moe", {f"{layer}.block_sparse_moe.experts.{expert}.w{number}": (8, 6, 2) if number == 2 else (6, 8, 2)
                                for layer in layers[:2] for expert in range(2) for number in (1, 2, 3)})
    folder.adapter("lora-words", {"model.layers.0.self_attn.q_proj": (8, 8, 2)})


def make_vocabularies(folder):
    """Models of one shape whose tokens stand in other rows; the base has rows without a token."""
    folder.family("words", ["words-tuned"], llama(1, vocabulary=16))
    for name in ("words", "words-tuned"):
        folder.tokenizer(name, rows([*"abcdefgh", "ab"]), {"<s>": 9, "</s>": 10}, ["a b"])
    folder.family("words-a", [], llama(1, vocabulary=13))
    folder.tokenizer("words-a", rows([*"kjihgfedc"]), {"</s>": 9, "<s>": 10, "<|im_start|>": 11, "<|im_end|>": 12})
    folder.family("words-b", [], llama(1, vocabulary=12))
    folder.tokenizer("words-b", rows(["<s>", "</s>", *"acgklm"]), {"<s>": 0, "</s>": 1, "<|im_end|>": 8, "h": 9, "<b>": 10, "<pad>": 11})
    # A token that lies beyond the rows of its model.
    folder.family("words-far", [], llama(1, vocabulary=12))
    folder.tokenizer("words-far", rows([*"abcdefghpq"]), {"<s>": 10, "</s>": 11, "<far>": 14})
    # Tied embeddings, and the tokens of words-a.
    folder.family("words-tied", [], llama(1, vocabulary=13, tied=True))
    folder.tokenizer("words-tied", rows([*"kjihgfedc"]), {"</s>": 9, "<s>": 10, "<|im_start|>": 11, "<|im_end|>": 12})
    folder.family("words-tied-b", [], llama(1, vocabulary=12, tied=True))
    folder.tokenizer("words-tied-b", rows(["<s>", "</s>", *"acgklm"]), {"<s>": 0, "</s>": 1, "<|im_end|>": 8, "h": 9, "<b>": 10, "<pad>": 11})
