"""Computes a DNABERT-2 in PyTorch, operation by operation as published, on random weights.

python dnabert2.py FOLDER          a small one: weights, and activations as the parity example reads them
python dnabert2.py FOLDER --full   the published shape, lengths 7, 128, 513 and 1000
"""

import json
import math
import pathlib
import sys

import torch
from safetensors.torch import save_file
from torch.nn.functional import gelu, layer_norm, linear

folder = pathlib.Path(sys.argv[1])
full = "--full" in sys.argv
width, layers, heads, hidden, vocabulary = (768, 12, 12, 3072, 4096) if full else (24, 2, 12, 32, 40)
lengths = [7, 128, 513, 1000] if full else [7, 19, 1, 33]
torch.manual_seed(2)
torch.set_num_threads(2)
weights = {}


def add(name, *shape, spread=None):
    # Wider than the published initial spread of 0.02, so that attention is far from even.
    spread = spread if spread is not None else 0.05 if full else 0.4
    weights[name] = torch.randn(*shape) * spread


def add_norm(name):
    weights[name + ".weight"] = 1 + 0.1 * torch.randn(width)
    add(name + ".bias", width, spread=0.1)


add("bert.embeddings.word_embeddings.weight", vocabulary, width)
add("bert.embeddings.token_type_embeddings.weight", 2, width)
add_norm("bert.embeddings.LayerNorm")
for i in range(layers):
    at = f"bert.encoder.layer.{i}."
    add(at + "attention.self.Wqkv.weight", 3 * width, width)
    add(at + "attention.self.Wqkv.bias", 3 * width)
    add(at + "attention.output.dense.weight", width, width)
    add(at + "attention.output.dense.bias", width)
    add_norm(at + "attention.output.LayerNorm")
    add(at + "mlp.gated_layers.weight", 2 * hidden, width)
    add(at + "mlp.wo.weight", width, hidden)
    add(at + "mlp.wo.bias", width)
    add_norm(at + "mlp.layernorm")
add("bert.pooler.dense.weight", width, width)
add("bert.pooler.dense.bias", width)
add("classifier.weight", 1, width)
add("classifier.bias", 1)


def slopes(count):
    """The published slopes: those of the next lower power of two, then every other one of twice as many."""

    def of_power(n):
        start = 2 ** (-(2 ** -(math.log2(n) - 3)))
        return [start * start**i for i in range(n)]

    if math.log2(count).is_integer():
        return of_power(count)
    near = 2 ** math.floor(math.log2(count))
    return of_power(near) + of_power(2 * near)[0::2][: count - near]


def norm(x, name):
    return layer_norm(x, (width,), weights[name + ".weight"], weights[name + ".bias"], 1e-12)


def dense(x, name):
    return linear(x, weights[name + ".weight"], weights.get(name + ".bias"))


def forward(ids, mask):
    rows, length = ids.shape
    place = torch.arange(length)
    alibi = -torch.tensor(slopes(heads))[:, None, None] * (place[None, :] - place[:, None]).abs()
    bias = alibi[None] + (1 - mask.float())[:, None, None, :] * -10000.0
    x = weights["bert.embeddings.word_embeddings.weight"][ids]
    x = norm(x + weights["bert.embeddings.token_type_embeddings.weight"][0], "bert.embeddings.LayerNorm")
    states = [x]
    for i in range(layers):
        at = f"bert.encoder.layer.{i}."
        q, k, v = (
            dense(x, at + "attention.self.Wqkv")
            .view(rows, length, 3, heads, width // heads)
            .permute(2, 0, 3, 1, 4)
        )
        scores = q @ k.transpose(-1, -2) / math.sqrt(width // heads) + bias
        seen = (scores.softmax(-1) @ v).transpose(1, 2).reshape(rows, length, width)
        x = norm(dense(seen, at + "attention.output.dense") + x, at + "attention.output.LayerNorm")
        gate, value = dense(x, at + "mlp.gated_layers").split(hidden, -1)
        x = norm(dense(gelu(gate) * value, at + "mlp.wo") + x, at + "mlp.layernorm")
        states.append(x)
    pooled = torch.tanh(dense(x[:, 0], "bert.pooler.dense"))
    return states, pooled, dense(pooled, "classifier")


longest = max(lengths)
ids = torch.full((len(lengths), longest), 3)
mask = torch.zeros(len(lengths), longest, dtype=torch.long)
for row, length in enumerate(lengths):
    ids[row, :length] = torch.randint(5, vocabulary, (length,))
    ids[row, 0] = 1
    mask[row, :length] = 1
with torch.no_grad():
    states, pooled, logits = forward(ids, mask)
recorded = {"input_ids": ids.float(), "attention_mask": mask.float(), "pooled": pooled, "logits": logits}
for layer, state in enumerate(states):
    recorded[f"hidden.{layer}"] = state * mask[:, :, None]
save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
save_file(recorded, folder / "activations.safetensors")
config = {
    "model_type": "bert",
    "architectures": ["BertForSequenceClassification"],
    "vocab_size": vocabulary,
    "hidden_size": width,
    "num_hidden_layers": layers,
    "num_attention_heads": heads,
    "intermediate_size": hidden,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1,
    "attention_probs_dropout_prob": 0.0,
    "layer_norm_eps": 1e-12,
    "type_vocab_size": 2,
    "alibi_starting_size": 512,
    "max_position_embeddings": 512,
    "num_labels": 1,
    "torch_version": torch.__version__,
}
rows = [ids[row, :length].tolist() for row, length in enumerate(lengths)]
(folder / "ids.json").write_text(json.dumps(rows))
(folder / "config.json").write_text(json.dumps(config, indent=1))
print(sum(w.numel() for w in weights.values()), "parameters")
