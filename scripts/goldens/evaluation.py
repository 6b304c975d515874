#!/usr/bin/env python3
"""Writes Tests/EvaluationTests/Goldens: what scipy, scikit-learn, prdc, librosa and numpy make of small sets.

usage: pip install numpy scipy scikit-learn prdc==0.2 librosa==0.11.0 torch safetensors torchvggish==0.2
       python3 scripts/goldens/evaluation.py
"""

import json
import pathlib

import librosa
import numpy as np
import prdc
import scipy
import scipy.linalg
import safetensors.torch
import sklearn
import torch
from sklearn.metrics.pairwise import polynomial_kernel
from torchvggish import vggish_input

FOLDER = pathlib.Path(__file__).parents[2] / "Tests/EvaluationTests/Goldens"
VERSIONS = dict(
    numpy=np.__version__, scipy=scipy.__version__, sklearn=sklearn.__version__, prdc="0.2",
    librosa=librosa.__version__)


def write(name, **values):
    def plain(value):
        if isinstance(value, np.ndarray):
            return plain(value.tolist())
        if isinstance(value, dict):
            return {key: plain(v) for key, v in value.items()}
        if isinstance(value, (list, tuple)):
            return [plain(v) for v in value]
        return float(f"{value:.15g}") if isinstance(value, float) else value

    FOLDER.mkdir(parents=True, exist_ok=True)
    data = dict(versions=VERSIONS) | {key: plain(value) for key, value in values.items()}
    (FOLDER / f"{name}.json").write_text(json.dumps(data) + "\n")


def sets(seed, columns, rows, other_rows):
    """Two sets of related features, of single precision, the second a little elsewhere."""
    random = np.random.default_rng(seed)
    mixing = random.normal(size=(columns, columns))
    a = random.normal(size=(rows, columns)) @ mixing
    b = 0.3 + 1.2 * random.normal(size=(other_rows, columns)) @ mixing
    return np.round(a, 3).astype(np.float32), np.round(b, 3).astype(np.float32)


def frechet(a, b):
    a, b = a.astype(np.float64), b.astype(np.float64)
    c, d = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = scipy.linalg.sqrtm(c @ d)
    return float(((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(c + d - 2 * np.real(root)))


def kernel(a, b):
    a, b = a.astype(np.float64), b.astype(np.float64)
    options = dict(degree=3, gamma=1 / a.shape[1], coef0=1)
    aa, bb, ab = polynomial_kernel(a, **options), polynomial_kernel(b, **options), polynomial_kernel(a, b, **options)
    m, n = len(a), len(b)
    return float(
        (aa.sum() - np.trace(aa)) / (m * (m - 1)) + (bb.sum() - np.trace(bb)) / (n * (n - 1)) - 2 * ab.mean())


cases = []
for seed, columns, rows, other_rows in [(1, 3, 12, 9), (2, 8, 40, 30), (3, 20, 25, 31)]:
    a, b = sets(seed, columns, rows, other_rows)
    neighbours = 3 if seed == 1 else 5
    found = prdc.compute_prdc(real_features=a, fake_features=b, nearest_k=neighbours)
    cases.append(
        dict(
            columns=columns, a=np.round(a.astype(float), 3).ravel(), b=np.round(b.astype(float), 3).ravel(), frechet=frechet(a, b),
            kernel=kernel(a, b), neighbours=neighbours,
            fidelity={key: float(value) for key, value in found.items()}))
write("distances", cases=cases)

# A matrix with a null space and two equal eigenvalues.
random = np.random.default_rng(4)
basis = np.linalg.qr(random.normal(size=(7, 7)))[0]
matrix = basis @ np.diag([9, 4, 4, 1, 0.25, 1e-6, 0]) @ basis.T
matrix = (matrix + matrix.T) / 2
values, _ = np.linalg.eigh(matrix)
write("eigen", size=7, matrix=matrix.ravel(), values=values[::-1].copy())

# Pitch classes: librosa's filters, every bin of one transform and the sums of another.
banks = []
for rate, size in [(22050, 256), (44100, 16384)]:
    weights = librosa.filters.chroma(sr=rate, n_fft=size, tuning=0.0)
    chosen = list(range(size // 2 + 1)) if size == 256 else list(range(0, size // 2 + 1, 137))
    banks.append(dict(sampleRate=rate, fftSize=size, bins=chosen, weights=weights[:, chosen].ravel().astype(float)))
write("chroma", banks=banks)

# Keys: correlations by numpy with the ratings of Krumhansl and Kessler 1982.
MAJOR = [6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88]
MINOR = [6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17]
profiles = [np.round(p, 6) for p in random.dirichlet(np.ones(12), size=6)]
write("keys", profiles=[p.tolist() for p in profiles], clarity=[
    float(max(np.corrcoef(p, np.roll(r, tonic))[0, 1] for r in (MAJOR, MINOR) for tonic in range(12)))
    for p in profiles])

# Onsets: librosa's strength of a given spectrogram, and its peaks.
frames, bands = 160, 10
time = np.arange(frames)
levels = np.round(
    np.abs(random.normal(size=(bands, frames))) * 0.4 + 3 * np.exp(-(time % 17) / 6) + np.sin(time / 9), 4)
strength = librosa.onset.onset_strength(S=levels, lag=1, max_size=1, center=False, aggregate=np.mean)
picks = []
for options in [
    dict(pre_max=2, post_max=3, pre_avg=4, post_avg=5, delta=0.08, wait=2),
    dict(pre_max=1, post_max=1, pre_avg=4, post_avg=5, delta=0.3, wait=1),
    dict(pre_max=10, post_max=10, pre_avg=10, post_avg=10, delta=0.2, wait=10),
]:
    picks.append(
        dict(
            before=options["pre_max"], after=options["post_max"], meanBefore=options["pre_avg"],
            meanAfter=options["post_avg"], delta=options["delta"], wait=options["wait"],
            peaks=librosa.util.peak_pick(strength, **options, sparse=True).tolist()))
regularity = max(float(np.corrcoef(strength[:-lag], strength[lag:])[0, 1]) for lag in range(11, 66))
write("onsets", bands=bands, levels=levels.T.ravel(), strength=strength.astype(float), picks=picks,
      regularity=regularity)

# Flatness: librosa's of a power spectrum with valleys filled up to 40 dB below its mean.
powers = np.round(random.gamma(0.15, size=(6, 40)) + 1e-9, 9)
write("flatness", powers=powers, logarithms=[
    float(np.log(librosa.feature.spectral_flatness(S=(p + 1e-4 * p.mean())[:, None], power=1, amin=1e-30)[0, 0]))
    for p in powers])

# VGGish with few channels and weights by lot: torchvggish's front end and its order of layers (its own are
# 64 to 512 channels wide, 288 MB), PyTorch's convolutions. The last ReLU is left out.
torch.manual_seed(5)
widths, pooled = [3, 4, 5, 5, 6, 6], (0, 1, 3, 5)
features, before = [], 1
for number, width in enumerate(widths):
    features += [torch.nn.Conv2d(before, width, 3, padding=1), torch.nn.ReLU()]
    features += [torch.nn.MaxPool2d(2)] if number in pooled else []
    before = width
network = torch.nn.ModuleDict(
    dict(
        features=torch.nn.Sequential(*features),
        embeddings=torch.nn.Sequential(
            torch.nn.Linear(before * 24, 20), torch.nn.ReLU(), torch.nn.Linear(20, 12), torch.nn.ReLU(),
            torch.nn.Linear(12, 7))))
# So that what goes in still shows in what comes out.
for name, tensor in network.named_parameters():
    if name.endswith("weight"):
        torch.nn.init.kaiming_normal_(tensor, nonlinearity="relu")
    else:
        torch.nn.init.normal_(tensor, std=0.1)
time = np.arange(int(2.1 * 16000)) / 16000
sound = 0.3 * np.sin(2 * np.pi * (200 + 900 * time) * time) * np.exp(-3 * (time % 0.4))
sound = np.round(32768 * (sound + 0.01 * random.normal(size=len(time)))).astype(int)
with torch.no_grad():
    patches = vggish_input.waveform_to_examples(sound / 32768, 16000)
    # torchvggish flattens with the channels innermost.
    inner = network["features"](patches).permute(0, 2, 3, 1).flatten(1)
    embeddings = network["embeddings"](inner).double().numpy()
assert embeddings.shape == (2, 7)
safetensors.torch.save_file(
    {name: tensor.contiguous() for name, tensor in network.state_dict().items()},
    FOLDER / "vggish.safetensors")
write("vggish", sound=sound, embeddings=embeddings.ravel())
