"""Writes a tokenizer of 259 tokens in both forms, and files that are wrong; prints the pipeline that takes them in."""
import base64
import json
import pathlib

here = pathlib.Path(__file__).parent
byte_of = {b: chr(b) for b in [*range(33, 127), *range(161, 173), *range(174, 256)]}
for b in range(256):
    byte_of.setdefault(b, chr(256 + sum(c not in range(33, 127) and c not in range(161, 173) and c < 174 for c in range(b))))
tokens = [bytes([b]) for b in range(256)] + [b"gl", b"as", b"s "]
written = ["".join(byte_of[b] for b in token) for token in tokens]
end = {"id": 259, "content": "<|endoftext|>", "special": True, "single_word": False, "lstrip": False, "rstrip": False,
       "normalized": False}
tokenizer = {"version": "1.0", "added_tokens": [end], "normalizer": None,
             "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "use_regex": True},
             "model": {"type": "BPE", "vocab": {w: i for i, w in enumerate(written)},
                       "merges": [[written[t[0]], written[t[1]]] for t in tokens[256:]]}}
(here / "good").mkdir()
before = {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<|endoftext|>", "type_id": 0}},
                                                   {"Sequence": {"id": "A", "type_id": 0}}]}
good = tokenizer | {"post_processor": {"type": "Sequence", "processors": [{"type": "ByteLevel"}, before]}}
(here / "good/tokenizer.json").write_text(json.dumps(good, ensure_ascii=False))
ranks = "".join(f"{base64.b64encode(t).decode()} {i}\n" for i, t in enumerate(tokens))
(here / "ranks.tiktoken").write_text(ranks)
wrong = {"cut_off": json.dumps(tokenizer)[:-1], "twice": json.dumps(tokenizer).replace('"gl": 256', '"gl": 256, "gl": 257'),
         "merge": json.dumps(tokenizer).replace('["g", "l"]', '["g", "lll"]'),
         "unigram": json.dumps(tokenizer | {"model": {"type": "Unigram", "vocab": [["a", 0.5]]}}),
         "too_large": json.dumps(tokenizer).replace('"gl": 256', '"gl": 4000000000')}
for name, text in wrong.items():
    (here / f"{name}.json").write_text(text)
(here / "empty.tiktoken").write_text("")
(here / "damaged.tiktoken").write_text("#" + ranks)
(here / "texts.jsonl").write_text(json.dumps({"id": "a", "text": "glass glows"}) + "\n")
chat = [{"role": "user", "content": "glass?"}, {"role": "assistant", "content": "glows"}]
(here / "chats.jsonl").write_text(json.dumps({"messages": chat}) + "\n")
print("""lehr: 1
name: taken
stages:
  texts: {uses: files.documents, with: {train: [texts.jsonl]}}
  theirs: {uses: tokenizer.import, with: {path: good, chat_tokens: true}}
  ranks:
    uses: tokenizer.import
    with: {path: ranks.tiktoken, pattern: cl100k_tiktoken, special_tokens: [{content: <|endoftext|>, id: 259}]}
  tokens: {uses: tokenizer.encode, in: {documents: texts, tokenizer: theirs}}
  chats: {uses: files.conversations, with: {train: [chats.jsonl]}}
  no_pattern: {uses: tokenizer.import, with: {path: ranks.tiktoken}}
  empty: {uses: tokenizer.import, with: {path: empty.tiktoken, pattern: gpt2}}
  damaged: {uses: tokenizer.import, with: {path: damaged.tiktoken, pattern: gpt2}}
  named: {uses: files.documents, with: {train: [texts.jsonl], id_field: url}}
  needless: {uses: tokenizer.import, with: {path: good, pattern: gpt2}}""")
for name in wrong:
    print(f"  {name}: {{uses: tokenizer.import, with: {{path: {name}.json}}}}")
