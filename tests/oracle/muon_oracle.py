"""Muon's steps beside torch.optim.Muon's, for wide, tall and square matrices. PyTorch iterates in bf16, so the directions agree
to its rounding; the momentum, the decay and the scale of a step would be far off if they differed."""
import argparse
import pathlib
import subprocess
import sys

import torch

STEPS = 5
TOLERANCE = 0.03  # of the change of the weight: bf16 has 8 bits, and five iterations pass over it


def ours(tool, weight, gradients):
    data = b"".join(t.numpy().tobytes() for t in [weight, *gradients])
    done = subprocess.run([tool, "muon", *map(str, weight.shape), str(STEPS)], input=data, capture_output=True, check=True)
    return torch.frombuffer(bytearray(done.stdout), dtype=torch.float32).view(weight.shape)


def theirs(weight, gradients):
    parameter = torch.nn.Parameter(weight.clone())
    muon = torch.optim.Muon([parameter], lr=0.02, weight_decay=0.1, momentum=0.95, nesterov=True,
                            adjust_lr_fn="match_rms_adamw")
    for gradient in gradients:
        parameter.grad = gradient.clone()
        muon.step()
    return parameter.detach()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    build = parser.parse_args().build
    if not hasattr(torch.optim, "Muon"):
        sys.exit("this PyTorch has no torch.optim.Muon")
    torch.manual_seed(5)
    failed = False
    for shape in [(64, 96), (96, 64), (80, 80), (32, 512)]:
        weight = torch.randn(shape) * 0.02
        gradients = [torch.randn(shape) for _ in range(STEPS)]
        expected = theirs(weight, gradients)
        error = ((ours(build / "tests/model_tool", weight, gradients) - expected).norm() / (expected - weight).norm()).item()
        print(f"{shape}: {error:.4f} of the change")
        failed = failed or not error < TOLERANCE
    sys.exit(failed)


main()
