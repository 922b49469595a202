"""Makes networks.json: outputs, losses and every parameter's gradient of the networks, by PyTorch's own modules.

Weights and inputs are not stored: both sides draw them from the same small generator, SplitMix64 seeded by the FNV-1a hash
of the tensor's name. Of each gradient its norm is stored, and its products with eight vectors from the same generator.

    python networks.py > networks.json
"""
import json
import sys

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

MASK = (1 << 64) - 1


def uniform(name, count):
    """Numbers in [-1, 1), 24 bits each, exact in float32."""
    state = 0xCBF29CE484222325
    for byte in name.encode():
        state = ((state ^ byte) * 0x100000001B3) & MASK
    with np.errstate(over="ignore"):
        steps = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = np.uint64(state) + steps
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return ((z >> np.uint64(40)).astype(np.float64) / 2**23 - 1.0).astype(np.float32)


class Weights:
    """Parameters by name, drawn when they are first asked for."""

    def __init__(self, scale):
        self.scale, self.drawn = scale, {}

    def __call__(self, name, *shape):
        if name not in self.drawn:
            values = self.scale * uniform(name, int(np.prod(shape))).reshape(shape)
            if name.endswith("gamma"):
                values = 1.0 + values
            self.drawn[name] = torch.tensor(values, requires_grad=True)
        assert tuple(self.drawn[name].shape) == shape, name
        return self.drawn[name]


def counts(name, *shape):
    values = np.floor((uniform(name, int(np.prod(shape))) + 1.0) * 4.0)
    return torch.tensor(values.astype(np.float32).reshape(shape))


def encoders(w, name, inputs, hidden):
    """[encoders, rows, length, channels] to [encoders, rows, 2 hidden]."""
    count, _, _, channels = inputs.shape
    parts = {
        "weight_ih": w(f"{name}.input_weight", count, 2, channels, 4 * hidden),
        "weight_hh": w(f"{name}.hidden_weight", count, 2, hidden, 4 * hidden),
        "bias_ih": w(f"{name}.input_bias", count, 2, 4 * hidden),
        "bias_hh": w(f"{name}.hidden_bias", count, 2, 4 * hidden),
    }
    context = w(f"{name}.context", count, 2 * hidden)
    module = nn.LSTM(channels, hidden, bidirectional=True, batch_first=True)
    results = []
    for e in range(count):
        own = {
            f"{part}_l0{end}": values[e, d].T if values.dim() == 4 else values[e, d]
            for part, values in parts.items()
            for d, end in enumerate(["", "_reverse"])
        }
        states, _ = torch.func.functional_call(module, own, (inputs[e],))
        attention = torch.softmax(states @ context[e], dim=1)
        results.append((attention.unsqueeze(2) * states).sum(1))
    return torch.stack(results)


def linear(w, name, inputs, outputs):
    return inputs @ w(f"{name}.weight", inputs.shape[-1], outputs) + w(f"{name}.bias", outputs)


def convolve(w, name, inputs, filters, kernel, stride=1, dilation=1, same=False):
    """[rows, channels, length], by conv1d."""
    channels = inputs.shape[1]
    weight = w(f"{name}.filters.weight", kernel * channels, filters)
    weight = weight.reshape(kernel, channels, filters).permute(2, 1, 0)
    if same:
        around = dilation * (kernel - 1)
        inputs = F.pad(inputs, (around // 2, around - around // 2))
    bias = w(f"{name}.filters.bias", filters)
    return F.conv1d(inputs, weight, bias, stride=stride, dilation=dilation)


def by_mark(signal):
    return signal.permute(2, 0, 1).unsqueeze(3)


def attentive_chrome(w, rows=3, bins=30):
    signal, labels = counts("signal", rows, bins, 5), torch.tensor([[0.0], [1.0], [1.0]])
    encoded = encoders(w, "bins", by_mark(signal), 32)
    everything = encoders(w, "marks", encoded.permute(1, 0, 2).unsqueeze(0), 16)[0]
    scores = linear(w, "head", everything, 1)
    return scores, F.binary_cross_entropy_with_logits(scores, labels)


def deep_diff(w, raw, auxiliary, siamese, rows=4, bins=24):
    a, b = counts("first", rows, bins, 5), counts("second", rows, bins, 5)
    targets = torch.tensor([[2.5], [-0.5], [-2.0], [0.25]])
    expression = torch.tensor([[1.0, 3.0], [2.0, 1.5], [4.0, 2.0], [0.0, 0.25]])
    loss, cells, extra = 0.0, None, 0.0
    if auxiliary:
        if siamese:
            both = [encoders(w, "cells", by_mark(x), 32) for x in (a, b)]
        else:
            joined = encoders(w, "cells", torch.cat([by_mark(a), by_mark(b)]), 32)
            both = [joined[:5], joined[5:]]
        sequences = torch.stack([x.permute(1, 0, 2) for x in both])
        levels = encoders(w, "cell_levels", sequences, 16)
        for cell in (0, 1):
            predicted = linear(w, f"auxiliary.{cell}", levels[cell], 1)
            loss = loss + F.mse_loss(predicted, expression[:, cell : cell + 1])
        cells = torch.cat(both)
        if siamese:
            flat = [x.permute(1, 0, 2).reshape(rows, -1) for x in both]
            apart = F.pairwise_distance(flat[0], flat[1], eps=1e-6).unsqueeze(1)
            differs = (targets.abs() >= 2).float()
            short = torch.clamp(2.0 - apart, min=0.0)
            extra = 4.0 * ((1 - differs) * apart**2 + differs * short**2).mean()
    if raw is None:
        hidden = torch.relu(linear(w, "joint", torch.cat([levels[0], levels[1]], 1), 32))
        scores = linear(w, "head", hidden, 1)
    else:
        signals = {"d": [a - b], "c": [a, b], "all": [a, b, a - b]}[raw]
        encoded = encoders(w, "raw", torch.cat([by_mark(x) for x in signals]), 32)
        if cells is not None:
            encoded = torch.cat([encoded, cells])
        everything = encoders(w, "main", encoded.permute(1, 0, 2).unsqueeze(0), 16)[0]
        scores = linear(w, "head", everything, 1)
    return scores, loss + extra + F.mse_loss(scores, targets)


def deep_chrome(w, rows=3):
    signal, labels = counts("signal", rows, 100, 5), torch.tensor([0, 1, 1])
    hidden = F.max_pool1d(torch.relu(convolve(w, "convolution", signal.transpose(1, 2), 50, 10)), 5)
    hidden = torch.relu(linear(w, "first", hidden.flatten(1), 625))
    scores = linear(w, "head", torch.relu(linear(w, "second", hidden, 125)), 2)
    return scores, F.nll_loss(torch.log_softmax(scores, 1), labels)


def linear_network(w, rows=3):
    scores = linear(w, "head", counts("signal", rows, 100, 5).mean(1), 2)
    return scores, F.nll_loss(torch.log_softmax(scores, 1), torch.tensor([0, 1, 1]))


def fcn(w, rows=6, classes=None):
    hidden = counts("signal", rows, 100, 5).transpose(1, 2)
    for layer, filters in enumerate([64, 64, 128, 128, 256, 256, 512, 512]):
        hidden = convolve(w, f"convolutions.{layer}", hidden, filters, 3, stride=2 - layer % 2)
        scale, shift = w(f"norms.{layer}.gamma", filters), w(f"norms.{layer}.beta", filters)
        hidden = F.batch_norm(hidden, None, None, scale, shift, training=True)
        hidden = F.leaky_relu(hidden, 0.05)
    scores = linear(w, "head", hidden.flatten(1), classes or 1)
    if classes:
        return scores, F.cross_entropy(scores, torch.arange(rows) % classes)
    return scores, F.mse_loss(scores, torch.arange(rows).float().unsqueeze(1) / rows)


def waka_waka(w, marks, dna, joint, rows=3, bases=640):
    parts = []
    if marks:
        hidden = counts("signal", rows, 100, 5).transpose(1, 2)
        for layer, (kernel, pool, dilation) in enumerate(marks):
            name = f"marks.convolutions.{layer}"
            hidden = F.leaky_relu(convolve(w, name, hidden, 50, kernel, dilation=dilation, same=True), 0.05)
            hidden = F.max_pool1d(hidden, pool)
        # Positions run slower than channels, as Keras flattens.
        flat = hidden.transpose(1, 2).flatten(1)
        parts.append(F.leaky_relu(linear(w, "marks.dense", flat, 82), 0.05))
    if dna:
        letters = torch.tensor(np.floor((uniform("dna", rows * bases) + 1.0) * 2.0).astype(np.int64))
        hidden = F.one_hot(letters.reshape(rows, bases), 4).float().transpose(1, 2)
        hidden = F.max_pool1d(torch.relu(convolve(w, "dna.convolutions.0", hidden, 132, 6, same=True)), 32)
        parts.append(F.leaky_relu(linear(w, "dna.dense", hidden.transpose(1, 2).flatten(1), 82), 0.05))
    hidden = torch.cat(parts, 1)
    for layer, width in enumerate(joint):
        hidden = F.leaky_relu(linear(w, f"joint.{layer}", hidden, width), 0.05)
    scores = linear(w, f"joint.{len(joint)}", hidden, 1)
    return scores, F.mse_loss(scores, torch.tensor([[1.0], [-1.0], [0.5]]))


def case(function, scale, *settings):
    w = Weights(scale)
    scores, loss = function(w, *settings)
    loss.backward()
    gradients = {}
    for name, parameter in w.drawn.items():
        gradient = parameter.grad.double().flatten().numpy()
        probes = [
            float(gradient @ uniform(f"{name} probe {k}", gradient.size).astype(np.float64)) for k in range(8)
        ]
        gradients[name] = {"norm": float(np.linalg.norm(gradient)), "probes": probes}
    return {"scores": scores.flatten().tolist(), "loss": loss.item(), "gradients": gradients}


torch.set_num_threads(1)
final = [(10, 5, 1), (5, 3, 1)]
cases = {
    "attentive_chrome": case(attentive_chrome, 0.25),
    "deep_chrome": case(deep_chrome, 0.06),
    "linear_network": case(linear_network, 0.25),
    "fcn": case(fcn, 0.06),
    "cell_classifier": case(fcn, 0.06, 6, 7),
    "waka_waka joint": case(waka_waka, 0.06, final, True, [100]),
    "waka_waka marks": case(waka_waka, 0.06, final, False, []),
    "waka_waka dna": case(waka_waka, 0.06, None, True, []),
    "waka_waka 1": case(waka_waka, 0.06, [(10, 5, 1), (5, 1, 2), (5, 3, 4)], True, [50, 10]),
}
for name, raw, auxiliary, siamese in [
    ("raw_d", "d", False, False), ("raw_c", "c", False, False), ("raw", "all", False, False),
    ("aux", None, True, False), ("raw_aux", "all", True, False),
    ("aux_siamese", None, True, True), ("raw_aux_siamese", "all", True, True),
]:
    cases[f"deep_diff {name}"] = case(deep_diff, 0.25, raw, auxiliary, siamese)
json.dump({"versions": {"torch": torch.__version__.split("+")[0]}, "cases": cases}, sys.stdout, indent=0)
