"""Writes small files of weights as PyTorch and safetensors write them, and what they hold as JSON.

python tensor_files.py FOLDER
"""

import json
import pathlib
import sys
from collections import OrderedDict

import safetensors
import torch
from safetensors.torch import save_file

folder = pathlib.Path(sys.argv[1])
torch.manual_seed(6)
base = torch.randn(6, 4)
state = OrderedDict(
    [
        ("table.weight", base),
        ("tied.weight", base),
        ("transposed", base.t()),
        ("rows", base[2:5]),
        ("every.other", base[:, ::2]),
        ("half", torch.randn(5).half()),
        ("brain", torch.randn(2, 3).bfloat16()),
        ("double", torch.randn(3).double()),
        ("scalar", torch.tensor(2.5)),
        ("none", torch.zeros(0, 4)),
        ("ids", torch.arange(7)),
        ("mask", torch.tensor([True, False])),
        ("parameter", torch.nn.Parameter(torch.randn(2, 2))),
    ]
)
torch.save(state, folder / "archive.bin")
torch.save(state, folder / "legacy.bin", _use_new_zipfile_serialization=False)
torch.save({"epoch": 3, "lr": 1e-3, "state_dict": dict(state)}, folder / "nested.pt")
module = torch.nn.Linear(3, 2)
torch.save(module.state_dict(), folder / "module.pt")
plain = {name: t.detach().clone().contiguous() for name, t in state.items()}
save_file(plain, folder / "plain.safetensors", metadata={"format": "pt"})
first = {name: plain[name] for name in list(plain)[:5]}
second = {name: plain[name] for name in list(plain)[5:]}
save_file(first, folder / "model-00001-of-00002.safetensors")
save_file(second, folder / "model-00002-of-00002.safetensors")
index = {"metadata": {"total_size": 1}, "weight_map": {}}
for name in first:
    index["weight_map"][name] = "model-00001-of-00002.safetensors"
for name in second:
    index["weight_map"][name] = "model-00002-of-00002.safetensors"
(folder / "model.safetensors.index.json").write_text(json.dumps(index))
floats = {n: t for n, t in plain.items() if t.is_floating_point()}
held = {
    "versions": {"torch": torch.__version__, "safetensors": safetensors.__version__},
    "shapes": {n: list(t.shape) for n, t in plain.items()},
    "numbers": {n: t.float().flatten().tolist() for n, t in floats.items()},
    "module": {n: t.flatten().tolist() for n, t in module.state_dict().items()},
}
(folder / "held.json").write_text(json.dumps(held))
