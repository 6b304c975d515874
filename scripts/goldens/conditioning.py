"""Reference values of Tests/MusicDiffusionTests/ConditioningNetworkTests.swift: the text encoder by
`torch.nn.TransformerEncoderLayer` with a padding mask, cross-attention and masked attention by
`torch.nn.functional.scaled_dot_product_attention`, the embedding of numbers in plain PyTorch.

    pip install torch safetensors numpy
    python scripts/goldens/conditioning.py
"""

import math
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import nn

torch.manual_seed(1)
tensors = {}


def weights(prefix, pairs):
    for name, parameter in pairs.items():
        tensors[f"{prefix}/{name}"] = parameter.detach()


def masked_attention():
    q, k, v = torch.randn(2, 3, 5, 8), torch.randn(2, 3, 7, 8), torch.randn(2, 3, 7, 4)
    keep = torch.tensor([[1, 1, 1, 1, 1, 1, 1], [1, 0, 1, 1, 0, 0, 0]]).bool()[:, None, None]
    tensors["attention/q"], tensors["attention/k"], tensors["attention/v"] = q, k, v
    tensors["attention/mask"] = torch.zeros(keep.shape).masked_fill(~keep, -math.inf)
    tensors["attention/output"] = F.scaled_dot_product_attention(q, k, v, attn_mask=keep)


def text_encoder(vocabulary=11, length=6, width=16, layers=2, heads=2):
    """Captions of four, no and six tokens; row 0 of the tokens begins each."""
    captions = torch.tensor([[3, 10, 0, 7, 0, 0], [0] * 6, [1, 2, 3, 4, 5, 6]])
    counts = torch.tensor([4, 0, 6])
    embedding = nn.Embedding(vocabulary + 1, width)
    position = torch.randn(1, length + 1, width)
    blocks = [
        nn.TransformerEncoderLayer(
            width, heads, 4 * width, dropout=0, activation="gelu", batch_first=True,
            norm_first=True,
        )
        for _ in range(layers)
    ]  # fmt: skip
    norm = nn.LayerNorm(width)
    for module in [embedding, norm, *blocks]:
        for parameter in module.parameters():
            parameter.data.add_(0.1 * torch.randn_like(parameter))
    rows = torch.cat([torch.full((3, 1), vocabulary), captions], 1)
    padding = torch.arange(length + 1)[None] > counts[:, None]
    h = embedding(rows) + position
    for block in blocks:
        h = block(h, src_key_padding_mask=padding)
    # The rows of padding are nobody's.
    output = norm(h) * ~padding[:, :, None]
    tensors["text/output"] = output.detach()
    weights("text/weights", {"embedding.weight": embedding.weight, "position": position,
                             "norm.weight": norm.weight, "norm.bias": norm.bias})  # fmt: skip
    for index, block in enumerate(blocks):
        attention = block.self_attn
        parts = {
            "qkv.weight": attention.in_proj_weight, "qkv.bias": attention.in_proj_bias,
            "output.weight": attention.out_proj.weight, "output.bias": attention.out_proj.bias,
            "attention_norm.weight": block.norm1.weight, "attention_norm.bias": block.norm1.bias,
            "network_norm.weight": block.norm2.weight, "network_norm.bias": block.norm2.bias,
            "widen.weight": block.linear1.weight, "widen.bias": block.linear1.bias,
            "narrow.weight": block.linear2.weight, "narrow.bias": block.linear2.bias,
        }  # fmt: skip
        weights("text/weights", {f"layers.{index}.{name}": part for name, part in parts.items()})


def cross_attention(channels=16, head_width=8, text_width=12):
    x, text = torch.randn(2, channels, 3, 4), torch.randn(2, 5, text_width)
    keep = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0]]).bool()
    norm = nn.GroupNorm(2, channels)
    queries, kv = nn.Linear(channels, channels), nn.Linear(text_width, 2 * channels)
    output = nn.Linear(channels, channels)
    nn.init.normal_(norm.weight), nn.init.normal_(norm.bias)

    def split(t):
        return t.unflatten(-1, (channels // head_width, head_width)).transpose(1, 2)

    k, v = kv(text).chunk(2, -1)
    mixed = F.scaled_dot_product_attention(
        split(queries(norm(x).flatten(2).transpose(1, 2))), split(k), split(v),
        attn_mask=keep[:, None, None],
    )  # fmt: skip
    merged = output(mixed.transpose(1, 2).flatten(2)).transpose(1, 2).reshape(x.shape)
    tensors["cross/x"], tensors["cross/text"] = x, text
    tensors["cross/mask"] = torch.zeros(2, 1, 1, 5).masked_fill(~keep[:, None, None], -math.inf)
    tensors["cross/output"] = (x + merged).detach()
    for name, module in {"norm": norm, "queries": queries, "kv": kv, "output": output}.items():
        weights("cross/weights", {f"{name}.{key}": p for key, p in module.named_parameters()})


def numbers(count=2, width=8):
    """Two known numbers, one known, none."""
    values = torch.tensor([[0.3, -1.7], [math.nan, 2.5], [math.nan, math.nan]])
    known = ~values.isnan()
    angles = 2 * math.pi * 2.0 ** torch.arange(-5, 1) * values.nan_to_num()[..., None]
    features = torch.cat([values.nan_to_num()[..., None], angles.cos(), angles.sin()], -1)
    features = torch.cat([(~known)[..., None].float(), features * known[..., None]], -1)
    layer = nn.Linear(count * 14, width, bias=False)
    tensors["numbers/values"] = values
    tensors["numbers/weight"] = layer.weight.detach()
    tensors["numbers/output"] = layer(features.flatten(1)).detach()


masked_attention()
text_encoder()
cross_attention()
numbers()
tensors = {name: tensor.float().contiguous() for name, tensor in tensors.items()}
goldens = Path(__file__).parents[2] / "Tests/MusicDiffusionTests/Goldens"
save_file(tensors, goldens / "conditioning.safetensors", {"torch": torch.__version__})
