"""R1 in every stage that trains, with and without an adapter: killed with SIGKILL at random moments, lehr or its host alone,
and then run again from another folder, in another locale and time zone, it ends with the same bytes. A checkpoint is being
written in the background most of the time, so kills fall into its writing as well."""
import json
import os
import pathlib
import shutil
import signal

from lab import check

COUNT = 14  # two of each stage: with AdamW and Muon, or with all weights and an adapter; one without a critic, one with NEFTune
FULL = 1000
KILLS = 2  # of one case, the second mostly in the run that goes on from the first
TINY = pathlib.Path(__file__).resolve().parents[1] / "end_to_end" / "tiny.yaml"
PLAIN = ["base", "base_muon", "assistant", "assistant_noisy", "judge", "ppo", "grpo", "dpo", "kto"]
ADAPTED = ["assistant_lora", "judge_lora", "ppo_lora", "dpo_lora", "kto_lora"]
SELECTED = ["--until", *PLAIN, *ADAPTED]
# Both answers of some preferences, found good and bad.
JUDGE = r"""
import glob, itertools, json, os
for file in glob.glob(os.environ["LEHR_INPUT_PREFERENCES"] + "/*-*.jsonl"):
    with open(os.environ["LEHR_OUTPUT_FEEDBACK"] + "/" + os.path.basename(file), "w") as out:
        for row in map(json.loads, itertools.islice(open(file), 100)):
            for side in ("chosen", "rejected"):
                print(json.dumps({"prompt": row["prompt"], "completion": row[side], "label": side == "chosen"}), file=out)
"""
TEXT = f"""\
lehr: 1
name: resume-training
extends: {TINY}
stages:
  base_muon:
    uses: pretrain
    in: {{tokens: tokens}}
    with:
      model: {{width: 64, layers: 2, heads: 4, context: 128}}
      optimizer: {{kind: muon}}
      budget: {{steps: 12}}
      batch_tokens: 1024
      micro_batch_tokens: 512
      checkpoint_steps: 3
  assistant_noisy:
    uses: sft
    in: {{model: base, conversations: source.conversations}}
    with: {{neftune_noise_alpha: 5, budget: {{steps: 8}}, batch_tokens: 512, micro_batch_tokens: 256, checkpoint_steps: 1}}
  assistant_lora:  # its dropout is drawn in several passes an update, and again where layers are made again
    uses: sft
    in: {{model: base, conversations: source.conversations}}
    with: {{lora: {{rank: 4, dropout: 0.1}}, activation_checkpointing: true, budget: {{steps: 8}}, batch_tokens: 512,
      micro_batch_tokens: 256, checkpoint_steps: 1}}
  judge_lora:
    uses: reward
    in: {{model: assistant, preferences: source.preferences}}
    with: {{lora: {{rank: 4, dropout: 0.1}}, ensemble: 3, budget: {{steps: 8}}, batch_tokens: 1024, micro_batch_tokens: 512,
      checkpoint_steps: 1}}
  ppo_lora:
    uses: ppo
    in: {{policy: assistant, reward: judge, prompts: source.prompts}}
    with: {{lora: {{rank: 4}}, iterations: 4, samples: 16, epochs: 2, minibatches: 2, max_new_tokens: 12, eval_samples: 16,
      save: best, checkpoint_steps: 1}}
  grpo:
    uses: ppo
    in: {{policy: assistant, reward: judge, prompts: source.prompts}}
    with: {{algorithm: grpo, num_generations: 4, iterations: 4, samples: 16, epochs: 2, minibatches: 2, max_new_tokens: 12,
      eval_samples: 16, checkpoint_steps: 1, eval: {{every: 1}}, stop_if: {{kl_above: 0.005}}}}  # at the fourth
  dpo_lora:
    uses: dpo
    in: {{model: assistant, preferences: source.preferences}}
    with: {{lora: {{rank: 4}}, budget: {{steps: 8}}, batch_tokens: 1024, micro_batch_tokens: 512, checkpoint_steps: 1}}
  judged:
    uses: command
    in: {{preferences: source.preferences}}
    out: {{feedback: feedback}}
    with: {{program: python3, args: ["-c", {json.dumps(JUDGE)}]}}
  kto:
    uses: dpo.kto
    in: {{model: assistant, feedback: judged}}
    with: {{budget: {{steps: 8}}, batch_tokens: 1024, micro_batch_tokens: 512, checkpoint_steps: 2}}
  kto_lora:
    uses: dpo.kto
    in: {{model: assistant, feedback: judged}}
    with: {{lora: {{rank: 4}}, budget: {{steps: 8}}, batch_tokens: 1024, micro_batch_tokens: 512, checkpoint_steps: 1}}
"""


def results_of(store, stage):
    return [path for path in (store / "results").glob("*.json")
            if json.loads(path.read_text())["made"]["stage_id"] == stage]


def kill(shop, stage, at, host_only):
    """SIGKILL at the stage's event number `at`, or where it ended before, at once."""
    process = shop.start(*SELECTED, "--json")
    host, seen = None, 0
    for line in process.stdout:
        event = json.loads(line) if line.startswith("{") else {}
        if event.get("stage") != stage:
            continue
        host = event.get("pid", host)
        seen += 1
        if seen >= at and host or event["event"] in ("stage_finished", "stage_cached"):
            break
    try:
        os.kill(host if host_only and host else process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    shop.finish(process)


def campaign(lab):
    with lab.workshop(TEXT) as reference:
        done = reference.run(*SELECTED, "--json")
        check(done.code == 0, f"the undisturbed run ended with {done.code}: {done.text[-2000:]}")
        expected = reference.digests()
        events = [json.loads(line) for line in done.text.splitlines() if line.startswith("{")]
        counts = {stage: sum(event.get("stage") == stage for event in events) for stage in PLAIN + ADAPTED}

        def case(label, dice):
            stage = label.split()[0]
            with lab.workshop(TEXT) as shop:
                shutil.copytree(reference.store, shop.store, symlinks=True)
                for path in results_of(shop.store, stage):
                    path.unlink()
                for _ in range(KILLS):
                    kill(shop, stage, dice.randint(2, max(2, counts[stage] - 1)), dice.random() < 0.5)
                elsewhere = shop.folder / "elsewhere"
                elsewhere.mkdir()
                again = shop.finish(shop.start(*SELECTED, cwd=elsewhere, env={
                    "TZ": dice.choice(["UTC", "Asia/Kathmandu", "America/St_Johns"]),
                    "LC_ALL": dice.choice(["C", "de_DE.UTF-8", "tr_TR.UTF-8"])}))
                check(again.code == 0, f"after {KILLS} kills: {again}")
                check(shop.digests() == expected, f"after {KILLS} kills: other bytes: {shop.digests()}")
                shop.whole()

        labels = [f"{stage} {number}" for number in range(max(1, lab.count // len(counts))) for stage in counts]
        lab.each(labels, case)
