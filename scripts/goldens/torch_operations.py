"""Writes the reference values of Tests/TorchTests: operations, layers and AdamW, from PyTorch.

    pip install torch safetensors numpy
    python scripts/goldens/torch_operations.py

Each case `name` has inputs `name/in/0`, `name/in/1`, ..., its result `name/out`, and, for the
scalar (out * name/weights).sum(), the gradients `name/grad/0`, ... of its floating-point inputs.
"""

from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

goldens = Path(__file__).parents[2] / "Tests/TorchTests/Goldens"
generator = torch.Generator().manual_seed(1)


def normal(*shape):
    return torch.randn(shape, generator=generator)


def positive(*shape):
    return torch.rand(shape, generator=generator) + 0.5


def indices(values):
    return torch.tensor(values)


cases = {
    "add": (torch.add, [normal(2, 3, 4), normal(3, 1)]),
    "subtract": (torch.sub, [normal(2, 3, 4), normal(3, 1)]),
    "multiply": (torch.mul, [normal(2, 3, 4), normal(3, 1)]),
    "divide": (torch.div, [normal(2, 3, 4), positive(3, 1)]),
    "maximum": (torch.maximum, [normal(2, 3), normal(2, 3)]),
    "minimum": (torch.minimum, [normal(2, 3), normal(2, 3)]),
    "scalarRight": (lambda x: ((x + 2) * 3 - 0.5) / 7, [normal(5)]),
    "scalarLeft": (lambda x: 2 + 3 * (0.5 - 7 / x), [positive(5)]),
    "power": (lambda x: x.pow(2.5), [positive(5)]),
    "clamp": (lambda x: x.clamp(-0.5, 0.7), [normal(20)]),
    "negate": (torch.neg, [normal(5)]),
    "abs": (torch.abs, [normal(5)]),
    "exp": (torch.exp, [normal(5)]),
    "log": (torch.log, [positive(5)]),
    "sqrt": (torch.sqrt, [positive(5)]),
    "square": (torch.square, [normal(5)]),
    "reciprocal": (torch.reciprocal, [positive(5)]),
    "sin": (torch.sin, [normal(5)]),
    "cos": (torch.cos, [normal(5)]),
    "tanh": (torch.tanh, [normal(5)]),
    "sigmoid": (torch.sigmoid, [normal(5)]),
    "silu": (F.silu, [normal(5)]),
    "gelu": (F.gelu, [normal(5)]),
    "relu": (F.relu, [normal(5)]),
    "reshape": (lambda x: x.reshape(4, -1), [normal(2, 6)]),
    "expand": (lambda x: x.expand(3, -1, 4), [normal(2, 1)]),
    "permute": (lambda x: x.permute(2, 0, 1), [normal(2, 3, 4)]),
    "transpose": (lambda x: x.transpose(0, -1), [normal(2, 3, 4)]),
    "unsqueeze": (lambda x: x.unsqueeze(1), [normal(2, 3)]),
    "squeeze": (lambda x: x.squeeze(1), [normal(2, 1, 3)]),
    "narrow": (lambda x: x.narrow(1, 2, 3), [normal(2, 6)]),
    "indexSelect": (lambda x, i: x.index_select(1, i), [normal(2, 4), indices([3, 0, 3])]),
    "flip": (lambda x: x.flip(1), [normal(2, 4)]),
    "roll": (lambda x: x.roll(3, 1), [normal(2, 4)]),
    "concatenate": (lambda x, y: torch.cat([x, y], 1), [normal(2, 4), normal(2, 1)]),
    "stack": (lambda x, y: torch.stack([x, y], 1), [normal(2, 4), normal(2, 4)]),
    "sum": (torch.sum, [normal(2, 3)]),
    "mean": (torch.mean, [normal(2, 3)]),
    "sumDimensions": (lambda x: x.sum((0, 2)), [normal(2, 3, 4)]),
    "meanDimensions": (lambda x: x.mean((1, 2), keepdim=True), [normal(2, 3, 4)]),
    "max": (torch.max, [normal(2, 3)]),
    "min": (torch.min, [normal(2, 3)]),
    "matmul": (torch.matmul, [normal(2, 3, 4), normal(4, 5)]),
    "linear": (F.linear, [normal(2, 3, 4), normal(5, 4), normal(5)]),
    "conv2d": (
        lambda x, w, b: F.conv2d(x, w, b, padding=1),
        [normal(2, 3, 5, 6), normal(4, 3, 3, 3), normal(4)],
    ),
    "conv2dStrided": (
        lambda x, w: F.conv2d(x, w, stride=2, groups=2),
        [normal(2, 4, 6, 8), normal(6, 2, 2, 2)],
    ),
    "padZeros": (lambda x: F.pad(x, (3, 1, 0, 2)), [normal(2, 2, 4, 5)]),
    "padCircular": (lambda x: F.pad(x, (3, 1, 0, 2), "circular"), [normal(2, 2, 4, 5)]),
    "padReflect": (lambda x: F.pad(x, (3, 1, 0, 2), "reflect"), [normal(2, 2, 4, 5)]),
    "groupNorm": (
        lambda x, w, b: F.group_norm(x, 2, w, b, 1e-6),
        [normal(2, 4, 3, 5), normal(4), normal(4)],
    ),
    "layerNorm": (
        lambda x, w, b: F.layer_norm(x, (6,), w, b, 1e-6),
        [normal(2, 3, 6), normal(6), normal(6)],
    ),
    "softmax": (lambda x: F.softmax(x, 1), [normal(2, 5, 3)]),
    "attention": (
        F.scaled_dot_product_attention,
        [normal(2, 3, 5, 8), normal(2, 3, 7, 8), normal(2, 3, 7, 4)],
    ),
    "upsampleNearest2x": (lambda x: F.interpolate(x, scale_factor=2), [normal(2, 2, 3, 4)]),
    "averagePool2x": (lambda x: F.avg_pool2d(x, 2), [normal(2, 2, 4, 6)]),
    "embedding": (lambda w, i: F.embedding(i, w), [normal(5, 3), indices([[4, 0, 4], [1, 1, 2]])]),
}

tensors = {}
for name, (function, inputs) in cases.items():
    for x in inputs:
        x.requires_grad_(x.is_floating_point())
    out = function(*inputs)
    weights = normal(*out.shape)
    (out * weights).sum().backward()
    tensors[f"{name}/out"] = out.detach().clone(memory_format=torch.contiguous_format)
    tensors[f"{name}/weights"] = weights
    for i, x in enumerate(inputs):
        tensors[f"{name}/in/{i}"] = x.detach()
        if x.is_floating_point():
            tensors[f"{name}/grad/{i}"] = x.grad.contiguous()
save_file(tensors, goldens / "operations.safetensors", {"torch": torch.__version__})

# AdamW: two parameters, five gradients for each, the parameters after each step.
tensors = {}
matrix, vector = (torch.nn.Parameter(normal(3, 4)), torch.nn.Parameter(normal(4)))
optimizer = torch.optim.AdamW(
    [{"params": [matrix], "weight_decay": 0.1}, {"params": [vector], "weight_decay": 0}],
    betas=(0.8, 0.95),
    eps=1e-6,
)
for step in range(6):
    tensors[f"matrix/{step}"] = matrix.detach().clone()
    tensors[f"vector/{step}"] = vector.detach().clone()
    for name, parameter in [("matrix", matrix), ("vector", vector)]:
        parameter.grad = normal(*parameter.shape)
        tensors[f"{name}/grad/{step}"] = parameter.grad.clone()
    for group in optimizer.param_groups:
        group["lr"] = 0.1 / (step + 1)
    optimizer.step()
save_file(tensors, goldens / "adamw.safetensors", {"torch": torch.__version__})
