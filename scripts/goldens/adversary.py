"""Goldens of adversarial training: what judges say, their losses, and the penalty on their gradient.

    python scripts/goldens/adversary.py

Needs torch and safetensors; writes Tests/MusicDiffusionTests/Goldens/adversary.safetensors. The penalty's
gradients are PyTorch's second derivatives, in float64.
"""

from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

torch.manual_seed(0)
torch.set_default_dtype(torch.float64)
BINS, FRAMES, WIDTH, NUMBERS = 32, 32, 2, 1

weights = {}
for scale in range(3):
    widths = [2] + [WIDTH << i for i in range(3)]
    for layer in range(3):
        name = f"scales.{scale}.layers.{layer}"
        weights[name + ".weight"] = 0.3 * torch.randn(widths[layer + 1], widths[layer], 4, 4)
        weights[name + ".bias"] = 0.1 * torch.randn(widths[layer + 1])
    weights[f"scales.{scale}.last.weight"] = 0.3 * torch.randn(NUMBERS, widths[3], 3, 3)
    weights[f"scales.{scale}.last.bias"] = 0.1 * torch.randn(NUMBERS)
for value in weights.values():
    value.requires_grad_()


def judge(x):
    position = (2 * (torch.arange(BINS) + 0.5) / BINS - 1).view(1, 1, BINS, 1)
    h = torch.cat([x, position.expand(len(x), 1, BINS, FRAMES)], 1)
    scores, features = [], []
    for scale in range(3):
        if scale > 0:
            h = F.avg_pool2d(h, 2)
        z = h
        for layer in range(3):
            name = f"scales.{scale}.layers.{layer}"
            z = F.conv2d(z, weights[name + ".weight"], weights[name + ".bias"], stride=2, padding=1)
            z = F.leaky_relu(z, 0.2)
            features.append(z)
        name = f"scales.{scale}.last"
        scores.append(F.conv2d(z, weights[name + ".weight"], weights[name + ".bias"], padding=1))
    return scores, features


real, generated = torch.randn(2, 3, 1, BINS, FRAMES)
mix = torch.rand(3)
share = mix.view(3, 1, 1, 1)
between = (share * real + (1 - share) * generated).requires_grad_()
value = torch.stack([s.mean((1, 2, 3)) for s in judge(between)[0]]).mean(0)
(slope,) = torch.autograd.grad(value.sum(), between, create_graph=True)
norm = slope.square().mean((1, 2, 3)).sqrt() * (BINS * FRAMES)
penalty = (norm - 1).square().mean()
penalty.backward()

scores, features = judge(generated)
real_scores, real_features = judge(real)
matched = torch.stack([
    F.l1_loss(own, other) / other.abs().mean() for own, other in zip(features, real_features)
]).mean()  # fmt: skip
hinge = torch.stack([
    F.relu(1 - r).mean() + F.relu(1 + g).mean() for r, g in zip(real_scores, scores)
]).mean()  # fmt: skip

x, y = torch.randn(12, 3), 0.5 * torch.randn(9, 3) + 1
x.requires_grad_()


def kernel(a, b):
    distance = torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist").square()
    rational = sum((1 + distance / (2 * alpha)).pow(-alpha) for alpha in (0.2, 0.5, 1, 2, 5))
    return rational + a @ b.T


def apart(n):
    return ~torch.eye(n, dtype=torch.bool)


discrepancy = (
    kernel(x, x)[apart(12)].mean() + kernel(y, y)[apart(9)].mean() - 2 * kernel(x, y).mean()
)
(discrepancy_gradient,) = torch.autograd.grad(discrepancy, x)

golden = {"real": real, "generated": generated, "mix": mix, "penalty": penalty, "matched": matched}
golden |= {"hinge": hinge, "x": x, "y": y, "discrepancy": discrepancy}
golden |= {"discrepancy-gradient": discrepancy_gradient}
golden |= {f"scores.{i}": s for i, s in enumerate(scores)}
golden |= {"weights." + name: w for name, w in weights.items()}
# The bias of the last layer has none: a shift is no slope.
golden |= {
    "gradient." + name: torch.zeros_like(w) if w.grad is None else w.grad
    for name, w in weights.items()
}
path = Path(__file__).parents[2] / "Tests/MusicDiffusionTests/Goldens/adversary.safetensors"
save_file({n: t.detach().float().contiguous() for n, t in golden.items()}, path)
