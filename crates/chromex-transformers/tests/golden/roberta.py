"""Makes roberta.json: hidden states, scores, and training steps of a RoBERTa by PyTorch and transformers.

Weights are not stored: both sides draw them from the same small generator, SplitMix64 seeded by the FNV-1a
hash of the tensor's published name.

    python roberta.py > roberta.json
"""
import json

import torch
import transformers
from transformers import RobertaConfig, RobertaForMaskedLM

MASK = (1 << 64) - 1
VOCABULARY, LENGTH, TARGETS = 61, 24, 3
IDS = [0, 1, 2, 4, 17, 60]
LENGTHS = [24, 9, 17, 2]


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


def draw(name, shape):
    count = 1
    for extent in shape:
        count *= extent
    values = torch.tensor(uniform(name, count)).reshape(shape)
    norm = name.endswith(("LayerNorm.weight", "layer_norm.weight"))
    return (1.0 if norm else 0.0) + 0.125 * values


def sentence(row):
    words = [5 + int((value + 1.0) * 28) for value in uniform(f"row {row}", LENGTHS[row] - 2)]
    return [0, *words, 1]


def rows(side):
    ids, mask = [], []
    for row in range(len(LENGTHS)):
        own = sentence(row)
        fill = LENGTH - len(own)
        left, right = (fill, 0) if side == "left" else (0, fill)
        ids.append([2] * left + own + [2] * right)
        mask.append([0] * left + [1] * len(own) + [0] * right)
    return torch.tensor(ids), torch.tensor(mask)


def model(pad_id):
    config = RobertaConfig(
        vocab_size=VOCABULARY, max_position_embeddings=LENGTH + pad_id + 1, type_vocab_size=1, hidden_size=24,
        num_hidden_layers=2, num_attention_heads=3, intermediate_size=48, layer_norm_eps=1e-12, pad_token_id=pad_id,
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
    )
    network = RobertaForMaskedLM(config)
    for name, parameter in network.named_parameters():
        parameter.data = draw(name, parameter.shape)
    return network


class Regressor(torch.nn.Module):
    """FloraBERT's head: the mean over what is neither padding, `<s>` nor `</s>`, and two layers with tanh."""

    def __init__(self, pad_id):
        super().__init__()
        self.roberta = model(pad_id).roberta
        for name, columns in [("dense", 24), ("dense2", 24), ("out_proj", TARGETS)]:
            layer = torch.nn.Linear(24, columns)
            layer.weight.data = draw(f"classifier.{name}.weight", layer.weight.shape)
            layer.bias.data = draw(f"classifier.{name}.bias", layer.bias.shape)
            setattr(self, name, layer)

    def forward(self, ids, mask):
        hidden = self.roberta(ids, attention_mask=mask).last_hidden_state
        words = (mask.bool() & (ids > 1) & (ids != 2)).float().unsqueeze(-1)
        mean = (hidden * words).sum(1) / words.sum(1).clamp(min=1)
        return self.out_proj(torch.tanh(self.dense2(torch.tanh(self.dense(mean)))))


torch.set_num_threads(1)
torch.manual_seed(0)
forward = []
for pad_id in [1, 2]:
    for side in ["left", "right"]:
        ids, mask = rows(side)
        network = model(pad_id).eval()
        with torch.no_grad():
            output = network(ids, attention_mask=mask, output_hidden_states=True)
            predicted = Regressor(pad_id).eval()(ids, mask)
        forward.append({
            "padding_id": pad_id, "side": side,
            "scores_of_ids": output.logits[:, :, IDS].flatten().tolist(),
            "log_sum_exp": output.logits.double().logsumexp(-1).flatten().tolist(),
            "hidden_first_channels": output.hidden_states[-1][:, :, :2].flatten().tolist(),
            "predicted": predicted.flatten().tolist(),
        })

ids, mask = rows("left")
network = Regressor(2).train()
targets = torch.tensor(uniform("targets", len(LENGTHS) * TARGETS)).reshape(-1, TARGETS)
optimizer = torch.optim.AdamW(network.parameters(), lr=1e-2, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01)
losses = []
for _ in range(5):
    loss = torch.nn.functional.mse_loss(network(ids, mask), targets)
    losses.append(loss.item())
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()

def rounded(value):
    if isinstance(value, float):
        return float(f"{value:.7g}")
    if isinstance(value, list):
        return [rounded(v) for v in value]
    if isinstance(value, dict):
        return {k: rounded(v) for k, v in value.items()}
    return value

print(json.dumps(rounded({
    "versions": {"torch": torch.__version__, "transformers": transformers.__version__},
    "ids": IDS, "sentences": [sentence(row) for row in range(len(LENGTHS))],
    "forward": forward, "losses": losses,
})))
