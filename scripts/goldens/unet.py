"""The U-Net of Sources/MusicDiffusion/Network in plain PyTorch, with the same parameter names; run
as a script, it writes the reference values of Tests/MusicDiffusionTests/UNetTests.swift.

    pip install torch safetensors numpy
    python scripts/goldens/unet.py

As a module: `UNet(config)`, where config is the `network` of a model's config.json, and
`load(folder)` for a model folder that `compose train` wrote.
"""

import json
import math
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import nn


def norm_groups(channels):
    """Groups of at least 8 channels, at most 32 groups."""
    return max(g for g in range(1, min(32, max(1, channels // 8)) + 1) if channels % g == 0)


class NoiseEmbedding(nn.Module):
    def __init__(self, width, label_count):
        super().__init__()
        frequencies = 0.125 * 128 ** (torch.arange(32, dtype=torch.float64) / 31)
        self.register_buffer("frequencies", frequencies, persistent=False)
        self.first = nn.Linear(64, width)
        self.second = nn.Linear(width, width)
        self.labels = nn.Embedding(label_count + 1, width)

    def forward(self, noise_levels, labels):
        angles = 2 * math.pi * self.frequencies * noise_levels[:, None].double()
        features = torch.cat([angles.cos(), angles.sin()], 1).float()
        return F.silu(self.second(F.silu(self.first(features) + self.labels(labels))))


class ResidualBlock(nn.Module):
    def __init__(self, channels, embedding_width):
        super().__init__()
        self.norm1 = nn.GroupNorm(norm_groups(channels), channels)
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.modulation = nn.Linear(embedding_width, 2 * channels)
        nn.init.zeros_(self.conv2.weight)
        nn.init.zeros_(self.modulation.weight)

    def forward(self, x, embedding):
        scale, shift = self.modulation(embedding)[:, :, None, None].chunk(2, 1)
        h = self.conv1(F.silu(self.norm1(x)))
        h = F.group_norm(h, self.norm1.num_groups)
        h = torch.addcmul(shift.to(h.dtype), h, (scale + 1).to(h.dtype))
        return x + self.conv2(F.silu(h))


class SelfAttention(nn.Module):
    def __init__(self, channels, head_width):
        super().__init__()
        self.heads = channels // head_width
        self.norm = nn.GroupNorm(norm_groups(channels), channels)
        self.qkv = nn.Linear(channels, 3 * channels)
        self.output = nn.Linear(channels, channels)
        nn.init.zeros_(self.output.weight)

    def forward(self, x):
        n, c, rows, columns = x.shape
        tokens = self.norm(x).permute(0, 2, 3, 1).reshape(n, rows * columns, c)
        qkv = self.qkv(tokens).reshape(n, rows * columns, 3, self.heads, c // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        cosines, sines = self.rotation(rows, columns, c // self.heads, q)
        mixed = F.scaled_dot_product_attention(
            self.rotated(q, cosines, sines), self.rotated(k, cosines, sines), v
        )
        merged = mixed.transpose(1, 2).reshape(n, rows, columns, c)
        return x + self.output(merged).permute(0, 3, 1, 2)

    @staticmethod
    def rotation(rows, columns, width, like):
        """Cosines and sines, [rows * columns, width / 2]: half of the angles by row, half by column."""
        speeds = 100.0 ** (-torch.arange(width // 4, device=like.device) / (width // 4))
        grid = torch.meshgrid(
            torch.arange(rows, device=like.device),
            torch.arange(columns, device=like.device),
            indexing="ij",
        )
        angles = torch.cat([axis.reshape(-1, 1) * speeds for axis in grid], 1)
        return angles.cos().to(like.dtype), angles.sin().to(like.dtype)

    @staticmethod
    def rotated(x, cosines, sines):
        a, b = x.chunk(2, -1)
        return torch.cat([a * cosines - b * sines, a * sines + b * cosines], -1)


class Level(nn.Module):
    def __init__(self, width, blocks, embedding_width, head_width=None, resize=None, merge=None):
        super().__init__()
        self.blocks = nn.ModuleList(ResidualBlock(width, embedding_width) for _ in range(blocks))
        self.attention = nn.ModuleList(
            SelfAttention(width, head_width) for _ in range(blocks if head_width else 0)
        )
        self.resize = resize
        self.merge = merge

    def forward(self, x, embedding):
        for i, block in enumerate(self.blocks):
            x = block(x, embedding)
            if i < len(self.attention):
                x = self.attention[i](x)
        return x


class DetailFilter(nn.Module):
    """Kernels over the patches, mixed for each clip and row as the embedding says."""

    def __init__(self, inputs, outputs, rows, kernels, embedding_width):
        super().__init__()
        self.shape = (kernels, outputs, rows)
        self.kernels = nn.Conv2d(inputs, kernels * outputs, 3, padding=1, bias=False)
        self.mix = nn.Linear(embedding_width, kernels * rows)
        nn.init.zeros_(self.kernels.weight)

    def forward(self, x, embedding):
        kernels, outputs, rows = self.shape
        filtered = self.kernels(x).unflatten(1, (kernels, outputs))
        mix = (self.mix(embedding) + 1).unflatten(1, (kernels, rows)).to(filtered.dtype)
        return torch.einsum("nkorc,nkr->norc", filtered, mix)


class UNet(nn.Module):
    """F of the denoiser: log-mel [n, channels, mel bins, frames] to the same shape."""

    def __init__(self, config):
        super().__init__()
        self.config = config
        channels, widths = config["channels"], config["widths"]
        self.patch = (config["patchBins"], config["patchFrames"])
        area = self.patch[0] * self.patch[1]
        embedding_width = config["embeddingWidth"]
        self.embedding = NoiseEmbedding(embedding_width, config["labelCount"])
        self.stem = nn.Conv2d((2 * channels + 1) * area, widths[0], 1)
        self.bin_position = nn.Parameter(
            0.02 * torch.randn(1, widths[0], config["melBins"] // self.patch[0], 1)
        )

        def level(i, resize=None, merge=None):
            head_width = config["headWidth"] if i == len(widths) - 1 else None
            return Level(widths[i], config["blocks"], embedding_width, head_width, resize, merge)

        self.down = nn.ModuleList(
            level(i, nn.Conv2d(widths[i - 1], widths[i], 2, stride=2) if i > 0 else None)
            for i in range(len(widths))
        )
        self.up = nn.ModuleList(
            level(
                i,
                nn.Conv2d(widths[i + 1], widths[i], 1),
                nn.Conv2d(2 * widths[i], widths[i], 1),
            )
            if i < len(widths) - 1
            else level(i)
            for i in range(len(widths))
        )
        self.head_norm = nn.GroupNorm(norm_groups(widths[0]), widths[0])
        self.head = nn.Conv2d(widths[0], channels * area, 3, padding=1)
        nn.init.zeros_(self.head.weight)
        kernels = config.get("detailKernels")
        self.detail = kernels and DetailFilter(
            (2 * channels + 1) * area, channels * area, config["melBins"] // self.patch[0], kernels,
            embedding_width,
        )
        for module in self.modules():
            if isinstance(module, (nn.Conv2d, nn.Linear)) and module.bias is not None:
                nn.init.zeros_(module.bias)

    def forward(self, x, noise_levels, labels, known, mask):
        """
        x, known: [n, channels, mel bins, frames]; mask: [n, 1, mel bins, frames]; noise_levels: [n],
        ln(sigma) / 4; labels: int64 [n], where labelCount stands for none.
        """
        p, q = self.patch
        n, c, bins, frames = x.shape
        embedding = self.embedding(noise_levels, labels)
        h = torch.cat([x, known, mask], 1)
        h = h.reshape(n, 2 * c + 1, bins // p, p, frames // q, q).permute(0, 1, 3, 5, 2, 4)
        h = h.reshape(n, (2 * c + 1) * p * q, bins // p, frames // q)
        values = h.contiguous(memory_format=torch.channels_last)
        h = self.stem(values)
        h = h + self.bin_position.to(h.dtype)
        skips = []
        for level in self.down:
            if level.resize is not None:
                skips.append(h)
                h = level.resize(h)
            h = level(h, embedding)
        for level in reversed(self.up):
            if level.resize is not None:
                below = F.interpolate(level.resize(h), scale_factor=2)
                h = level.merge(torch.cat([below, skips.pop()], 1))
            h = level(h, embedding)
        h = self.head(F.silu(self.head_norm(h))).float()
        if self.detail:
            h = h + self.detail(values, embedding).float()
        h = h.reshape(n, c, p, q, bins // p, frames // q).permute(0, 1, 4, 2, 5, 3)
        return h.reshape(n, c, bins, frames)


class Denoiser:
    """D(x; sigma) with the preconditioning of EDM (Karras et al. 2022, table 1)."""

    def __init__(self, network, sigma_data=0.5):
        self.network, self.sigma_data = network, sigma_data

    def f(self, x, sigma, labels, known, mask):
        c_in = 1 / (sigma**2 + self.sigma_data**2).sqrt()
        return self.network(
            x * c_in[:, None, None, None], sigma.log() / 4, labels, known / self.sigma_data, mask
        )

    def __call__(self, x, sigma, labels, known, mask, guidance_scale=1.0):
        def estimate(labels):
            s, d = sigma[:, None, None, None], self.sigma_data
            f = self.f(x, sigma, labels, known, mask)
            return d**2 / (s**2 + d**2) * x + s * d / (s**2 + d**2).sqrt() * f

        denoised = estimate(labels)
        if guidance_scale != 1:
            none = torch.full_like(labels, self.network.config["labelCount"])
            unguided = estimate(none)
            denoised = unguided + guidance_scale * (denoised - unguided)
        return known + denoised * (1 - mask)

    def loss(self, signal, noise, sigma, labels, known, mask):
        """[n]: weight(sigma) * (D - signal)^2, the mean over what is not known."""
        s, d = sigma[:, None, None, None], self.sigma_data
        x = signal + s * noise
        f = self.f(x, sigma, labels, known, mask)
        denoised = d**2 / (s**2 + d**2) * x + s * d / (s**2 + d**2).sqrt() * f
        error = (s**2 + d**2) / (s * d) ** 2 * (denoised - signal).square()
        open_values = (1 - mask).sum((1, 2, 3)) * signal.shape[1]
        return (error * (1 - mask)).sum((1, 2, 3)) / open_values.clamp(min=1)


def load(folder):
    """The network of a model folder."""
    network = UNet(json.loads((Path(folder) / "config.json").read_text())["network"])
    tensors = load_file(Path(folder) / "model.safetensors")
    for scale in [name for name in tensors if name.endswith("_scale")]:
        weight = scale.removesuffix("_scale")
        tensors[weight] = tensors[weight] * tensors.pop(scale)
    network.load_state_dict(tensors)
    return network


WITHOUT_DETAIL = {
    "channels": 2, "melBins": 16, "patchBins": 2, "patchFrames": 4, "widths": [8, 16, 16],
    "blocks": 2, "headWidth": 8, "embeddingWidth": 16, "labelCount": 3,
}  # fmt: skip
GRADIENTS_WITHOUT_DETAIL = [
    "embedding.first.weight", "embedding.labels.weight", "stem.bias", "bin_position",
    "down.0.blocks.0.norm1.weight", "down.1.resize.weight", "down.1.blocks.1.modulation.weight",
    "down.2.attention.0.qkv.bias", "up.2.attention.1.output.weight", "up.0.merge.weight",
    "head_norm.bias", "head.bias",
]  # fmt: skip
WITH_DETAIL = WITHOUT_DETAIL | {
    "channels": 1, "melBins": 8, "patchFrames": 2, "widths": [8], "blocks": 1, "detailKernels": 3,
}  # fmt: skip
GRADIENTS_WITH_DETAIL = [
    "embedding.first.weight", "stem.bias", "detail.kernels.weight", "detail.mix.weight",
    "detail.mix.bias", "head.bias",
]  # fmt: skip


def write_golden(file, config, gradients):
    torch.manual_seed(1)
    network = UNet(config).to(memory_format=torch.channels_last)
    with torch.no_grad():
        for parameter in network.parameters():
            # No parameter stays zero; float16 as in a model folder.
            parameter.add_(0.1 * torch.randn_like(parameter))
            parameter.copy_(parameter.half())
    n, shape = 3, (3, config["channels"], config["melBins"], 32)
    signal, noise = 0.5 * torch.randn(shape), torch.randn(shape)
    sigma, labels = torch.tensor([0.05, 0.7, 20.0]), torch.tensor([0, 3, 2])
    mask = torch.zeros(n, 1, config["melBins"], 32)
    mask[1, :, :, :11] = 1
    mask[2, :, 3:9] = 1
    known = signal * mask
    x = signal + sigma[:, None, None, None] * noise
    denoiser = Denoiser(network)
    losses = denoiser.loss(signal, noise, sigma, labels, known, mask)
    losses.mean().backward()
    tensors = {
        "signal": signal, "noise": noise, "sigmas": sigma, "labels": labels, "mask": mask,
        "losses": losses.detach(),
        # The network is given one noise level for each clip; so, in turn, is the denoiser.
        "output": network(x, sigma.log() / 4, labels, known, mask).detach(),
        "guided": torch.cat(
            [
                denoiser(
                    x[i : i + 1], sigma[i : i + 1], labels[i : i + 1], known[i : i + 1],
                    mask[i : i + 1], guidance_scale=2,
                )
                for i in range(n)
            ]
        ).detach(),
    }  # fmt: skip
    for name, parameter in network.named_parameters():
        tensors["weights/" + name] = parameter.detach().half()
    for name in gradients:
        tensors["grad/" + name] = network.get_parameter(name).grad
    tensors = {name: tensor.contiguous() for name, tensor in tensors.items()}
    metadata = {"torch": torch.__version__, "config": json.dumps(config)}
    goldens = Path(__file__).parents[2] / "Tests/MusicDiffusionTests/Goldens"
    save_file(tensors, goldens / file, metadata)


if __name__ == "__main__":
    write_golden("unet.safetensors", WITHOUT_DETAIL, GRADIENTS_WITHOUT_DETAIL)
    write_golden("unet-detail.safetensors", WITH_DETAIL, GRADIENTS_WITH_DETAIL)
