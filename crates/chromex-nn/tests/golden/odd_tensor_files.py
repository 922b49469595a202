"""Writes files in which tensors of floating-point types stand among others, and what they hold as JSON.

python odd_tensor_files.py FOLDER, under PyTorch 2.3 or later; then python2 python2_tensor_files.py FOLDER
"""

import json
import pathlib
import sys
from collections import OrderedDict, defaultdict

import safetensors
import torch
from safetensors.torch import save_file

folder = pathlib.Path(sys.argv[1])
torch.manual_seed(8)
plain = OrderedDict(
    [
        ("a.weight", torch.randn(3, 4)),
        ("b.half", torch.randn(5).half()),
        ("c.brain", torch.randn(2, 2).bfloat16()),
        ("d.double", torch.randn(3).double()),
    ]
)
odd = OrderedDict(
    [
        ("e4m3", torch.randn(4).to(torch.float8_e4m3fn)),
        ("e5m2", torch.randn(2, 3).to(torch.float8_e5m2)),
        ("uint16", torch.arange(4).to(torch.uint16)),
        ("uint32", torch.arange(4).to(torch.uint32)),
        ("uint64", torch.arange(2).to(torch.uint64)),
        ("complex", torch.randn(3, dtype=torch.complex64)),
        ("bool", torch.tensor([True, False, True])),
        ("int64", torch.arange(3)),
        ("int8", torch.arange(3).to(torch.int8)),
    ]
)
views = OrderedDict(
    [
        ("quantised", torch.quantize_per_tensor(torch.randn(2, 5), 0.1, 3, torch.quint8)),
        ("by_channel", torch.quantize_per_channel(torch.randn(2, 5), torch.rand(2), torch.zeros(2), 0, torch.qint8)),
        ("sparse", torch.eye(4).to_sparse()),
        ("sparse_rows", torch.eye(4).to_sparse_csr()),
        ("negative", torch._neg_view(torch.randn(3))),
        ("conjugate", torch.randn(3, dtype=torch.complex64).conj()),
        ("meta", torch.empty(2, 3, device="meta")),
        ("parameter", torch.nn.Parameter(torch.randn(2, 2))),
        ("integer_parameter", torch.nn.Parameter(torch.arange(3), requires_grad=False)),
    ]
)
among = OrderedDict()
for one, other in zip(list(plain.items()) + list(views.items()), list(odd.items()) + [None] * 4):
    among[one[0]] = one[1]
    if other is not None:
        among[other[0]] = other[1]
save_file({n: t for n, t in among.items() if n not in views}, folder / "odd.safetensors", metadata={"format": "pt"})
torch.save(among, folder / "odd.pt")
# The old format knows neither the newest types nor tensors without numbers.
new = {"e4m3", "e5m2", "uint16", "uint32", "uint64", "meta"}
torch.save(OrderedDict((n, t) for n, t in among.items() if n not in new), folder / "odd_legacy.pt", _use_new_zipfile_serialization=False)
counts = defaultdict(list)
counts["a"].append(1)
checkpoint = {
    "epoch": 3,
    "best": torch.tensor(0.25),
    "device": torch.device("cpu"),
    "type": torch.float16,
    "kinds": {"set": {1, 2}, "counts": counts, "complex": 1j, "bytes": b"\xff", "slice": slice(1)},
    "optimizer": {"state": {0: {"exp_avg": torch.zeros(2)}, 1: {"exp_avg": torch.zeros(3)}}, "param_groups": [{"lr": 0.1}]},
    "state_dict": {"module." + n: t for n, t in plain.items()},
}
torch.save(checkpoint, folder / "checkpoint.pt")
deeper = {"run": 1, "net": {"model": {"module." + n: t for n, t in plain.items()}}, "optimizer": checkpoint["optimizer"]}
torch.save(deeper, folder / "deeper.pt")
held = {
    "versions": {"torch": torch.__version__, "safetensors": safetensors.__version__},
    "plain": {n: t.float().flatten().tolist() for n, t in plain.items()},
    "parameter": views["parameter"].detach().flatten().tolist(),
    "shapes": {n: list(t.shape) for n, t in among.items()},
}
(folder / "odd.json").write_text(json.dumps(held) + "\n")
