#!/usr/bin/env python3
"""A reward model of several heads in transformers: the folder is a model of one label, which scores as our heads do on
average; each head alone, and what is reported and stored of their disagreement, by the definitions in numpy.
Run by tests/oracle/run, or: reward_heads.py --build BUILD"""

import argparse
import json
import pathlib
import sys
import tempfile

from parts import trl_setup
from trl_preferences import pairs, rows_of

HEADS = 3
TOLERANCE = 1e-5  # fp32 sums in another order
STAGES = """
  pairs: {uses: files.preferences, with: {train: [train.jsonl], eval: [eval.jsonl]}}
  judge: {uses: reward, in: {model: policy, preferences: pairs}, with: {ensemble: %d, %s}}
""" % (HEADS, trl_setup.training(6, 2e-3))


def disagreement(scores, scales):
    """scores: [answers, heads]; the mean over answers of the heads' deviation, each on its own scale."""
    mean, deviation = scales
    return ((scores - mean) / deviation).std(axis=1, ddof=1).mean()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=pathlib.Path, required=True)
    build = parser.parse_args().build.resolve()
    import numpy as np
    import torch
    from safetensors.torch import load_file
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    compared = []
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        trl_setup.write_rows(folder / "train.jsonl", pairs(40, 1))
        trl_setup.write_rows(folder / "eval.jsonl", pairs(30, 2))
        trl_setup.write_rows(folder / "chats.jsonl", [{"messages": row["prompt"] + row["chosen"]} for row in pairs(60, 3)])
        trl_setup.write_text(folder)
        outputs, results = trl_setup.run(build, folder, trl_setup.HEADER + trl_setup.POLICY + STAGES)["judge"]
        judge = outputs["reward_model"]
        tokenizer = AutoTokenizer.from_pretrained(judge)
        model = AutoModelForSequenceClassification.from_pretrained(judge, dtype=torch.float32)
        heads = load_file(judge / "heads.safetensors")["score.weight"]
        stored = json.loads((judge / "reward.json").read_text())
        wrong = [] if model.config.num_labels == 1 and heads.shape[0] == HEADS == len(stored["heads"]) else ["shapes"]

        def scores(split, side):
            """Of the model, [answers], and of each head, [answers, heads]."""
            whole, apart = [], []
            for row in rows_of(tokenizer, folder / f"{split}.jsonl"):
                ids = torch.tensor([row["prompt_ids"] + row[side + "_ids"]])
                with torch.no_grad():
                    whole.append(model(ids).logits.item())
                    apart.append((heads @ model.model(ids).last_hidden_state[0, -1]).numpy())
            return np.array(whole), np.array(apart, dtype=np.float64)

        scale = lambda values: (values.mean(axis=0), values.std(axis=0, ddof=1))
        (chosen, by_head), (rejected, _) = (scores("eval", side) for side in ("chosen", "rejected"))
        for number, (one, several) in enumerate(zip(chosen, by_head)):
            compared.append((f"mean of the heads, answer {number}", several.mean(), one))
        both = np.concatenate([chosen, rejected])
        compared += [("eval/accuracy", results["eval/accuracy"], (chosen > rejected).mean()),
                     ("eval/mean_reward", results["eval/mean_reward"], both.mean()),
                     ("eval/max_reward", results["eval/max_reward"], both.max()),
                     ("eval/disagreement", results["eval/disagreement"], disagreement(by_head, scale(by_head)))]
        trained, trained_by_head = scores("train", "chosen")
        compared += [("chosen_reward_mean", results["chosen_reward_mean"], trained.mean()),
                     ("chosen_reward_std", results["chosen_reward_std"], trained.std(ddof=1))]
        for k, (mean, deviation) in enumerate(zip(*scale(trained_by_head))):
            compared += [(f"mean of head {k}", stored["heads"][k]["mean"], mean),
                         (f"deviation of head {k}", stored["heads"][k]["std"], deviation)]
        if np.ptp(by_head, axis=1).min() < 1e-3:
            wrong.append("heads that say the same")

    wrong += [name for name, ours, theirs in compared if trl_setup.differs(name, float(ours), float(theirs), TOLERANCE)]
    if wrong:
        print("wrong:", ", ".join(wrong))
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
