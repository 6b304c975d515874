"""Goldens of the autoencoder: what a code costs, and how hearing weights frequencies.

    python scripts/goldens/autoencoder.py

Needs torch and librosa; writes Tests/MusicDiffusionTests/Goldens/autoencoder.json.
"""

import json
from pathlib import Path

import librosa
import torch
from torch.distributions import Normal, kl_divergence

torch.manual_seed(0)
shape = [2, 3, 2, 4]
mean = torch.randn(shape, dtype=torch.float64)
log_variance = 2 * torch.randn(shape, dtype=torch.float64) - 1
divergence = kl_divergence(
    Normal(mean, (log_variance / 2).exp()),
    Normal(torch.zeros_like(mean), torch.ones_like(mean)),
)
frequencies = [20, 31.5, 63, 125, 250, 500, 1000, 2000, 4000, 8000, 16000]

golden = {
    "shape": shape,
    "mean": mean.flatten().tolist(),
    "logVariance": log_variance.flatten().tolist(),
    "divergence": divergence.mean().item(),
    "frequencies": frequencies,
    "weights": librosa.A_weighting(frequencies, min_db=None).tolist(),
}
path = Path(__file__).parents[2] / "Tests/MusicDiffusionTests/Goldens/autoencoder.json"
path.write_text(json.dumps(golden) + "\n")
