"""Writes a file with the Python package safetensors, for Tests/TorchTests to read and to write
again byte for byte, and checks that the package reads back what it wrote.

    pip install torch safetensors numpy
    python scripts/goldens/torch_safetensors.py
"""

from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

path = Path(__file__).parents[2] / "Tests/TorchTests/Goldens/python.safetensors"
numbers = torch.tensor([[0.0, 1.0, -2.5], [3.25, -65504.0, 6.103515625e-05]])
tensors = {
    "float32": numbers,
    "float64": numbers.double() / 3,
    "float16": numbers.half(),
    "bfloat16": numbers.bfloat16(),
    "int64": torch.tensor([0, -1, 2**62]),
    "uint8": torch.tensor([0, 1, 255], dtype=torch.uint8),
    "int8": torch.tensor([0, -128, 127], dtype=torch.int8),
    "bool": torch.tensor([[True], [False]]),
    "scalar": torch.tensor(0.5),
    "empty": torch.zeros(2, 0, 3),
    'a "quoted" näme \\ 音\n': torch.tensor([7.0]),
}
save_file(tensors, path, {"made by": 'safetensors "Python"\t'})
loaded = load_file(path)
assert loaded.keys() == tensors.keys()
assert all(torch.equal(loaded[name], tensors[name]) for name in tensors)
