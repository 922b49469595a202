"""Makes lamb.json: weights of a small network after 100 steps of two published forms of LAMB.

`uncorrected` is torch_optimizer's Lamb without debiasing, `corrected` is timm's (NVIDIA's form: bias correction and gradients
clipped to the joint norm 1). Weights and data are drawn by SplitMix64 seeded by the FNV-1a hash of a name.

    python lamb.py > lamb.json
"""
import importlib.metadata
import importlib.util
import json
import os
import sys
import types

import torch
import torch_optimizer

# Only the optimiser is needed of timm, whose layers need torchvision.
for name, path in [("timm", ""), ("timm.optim", "optim")]:
    package = types.ModuleType(name)
    package.__path__ = [os.path.join(os.path.dirname(importlib.util.find_spec("timm").origin), path)] if name == "timm" else [
        os.path.join(sys.modules["timm"].__path__[0], path)
    ]
    sys.modules[name] = package
from timm.optim.lamb import Lamb  # noqa: E402

MASK = (1 << 64) - 1


def uniform(name, shape):
    state = 0xCBF29CE484222325
    for byte in name.encode():
        state = ((state ^ byte) * 0x100000001B3) & MASK
    numbers = []
    for _ in range(torch.Size(shape).numel()):
        state = (state + 0x9E3779B97F4A7C15) & MASK
        z = state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        z ^= z >> 31
        numbers.append((z >> 40) / 2**23 - 1.0)
    return torch.tensor(numbers).reshape(shape)


def train(form):
    # Weights as the network here has them, [inputs, outputs]; the last bias begins at 0.
    names = {"first.weight": (6, 5), "first.bias": (5,), "second.weight": (5, 2), "second.bias": (2,)}
    weights = {name: uniform(name, shape).clone() for name, shape in names.items()}
    weights["second.bias"].zero_()
    weights["first.weight"] *= 4  # a norm above 10
    for weight in weights.values():
        weight.requires_grad_()
    inputs, targets = uniform("inputs", (16, 6)), 3 * uniform("targets", (16, 2))
    settings = dict(lr=1e-2, betas=(0.9, 0.999), eps=1e-6, weight_decay=0.01)
    if form == "uncorrected":
        optimizer = torch_optimizer.Lamb(weights.values(), clamp_value=10, debias=False, **settings)
    else:
        optimizer = Lamb(weights.values(), bias_correction=True, max_grad_norm=1.0, always_adapt=True, **settings)
    for _ in range(100):
        hidden = torch.tanh(inputs @ weights["first.weight"] + weights["first.bias"])
        loss = ((hidden @ weights["second.weight"] + weights["second.bias"] - targets) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return {"loss": loss.item(), **{name: weight.flatten().tolist() for name, weight in weights.items()}}


torch.set_num_threads(1)
versions = {"torch": torch.__version__, "torch_optimizer": torch_optimizer.__version__, "timm": importlib.metadata.version("timm")}
print(json.dumps({"versions": versions, **{form: train(form) for form in ["uncorrected", "corrected"]}}))
