"""Weights in int8 as PyTorch makes them, by output channel, for Tests/MusicDiffusionTests.

    pip install torch safetensors numpy
    python scripts/goldens/weights.py
"""

from pathlib import Path

import torch
from safetensors.torch import save_file

torch.manual_seed(0)
# The last output channel is 0 all over, and the one before it is far smaller than the others.
x = torch.randn(8, 16, 3, 3)
x[-2] *= 1e-6
x[-1] = 0
scale = x.abs().amax((1, 2, 3)) / 127
quantized = torch.quantize_per_channel(
    x, scale.clamp(min=1e-30).double(), torch.zeros(8, dtype=torch.int64), 0, torch.qint8)
goldens = Path(__file__).parents[2] / "Tests/MusicDiffusionTests/Goldens"
save_file(
    {"x": x, "whole": quantized.int_repr(), "scale": scale, "back": quantized.dequantize()},
    goldens / "weights.safetensors", {"torch": torch.__version__})
