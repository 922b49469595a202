"""The same inference and step of fine-tuning in PyTorch: python dnabert2.py STEPS [LAYERS]

DNABERT-2 by its published operations, with PyTorch's scaled dot-product attention on the biases of distance. Prints median and least
seconds. Needs torch.
"""
import sys
import time

import torch
from torch import nn
from torch.nn.functional import gelu, scaled_dot_product_attention

steps = int(sys.argv[1])
layers = int(sys.argv[2]) if len(sys.argv) > 2 else 12
torch.set_num_threads(2)
torch.manual_seed(0)
width, heads, hidden = 768, 12, 3072


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.norm = nn.LayerNorm(width, 1e-12)
        self.gated = nn.Linear(width, 2 * hidden, bias=False)
        self.wo = nn.Linear(hidden, width)
        self.norm2 = nn.LayerNorm(width, 1e-12)
        self.drop = nn.Dropout(0.1)

    def forward(self, x, bias):
        rows, length, _ = x.shape
        q, k, v = self.qkv(x).view(rows, length, 3, heads, width // heads).permute(2, 0, 3, 1, 4)
        seen = scaled_dot_product_attention(q, k, v, attn_mask=bias)
        x = self.norm(self.drop(self.out(seen.transpose(1, 2).reshape(rows, length, width))) + x)
        gate, value = self.gated(x).split(hidden, -1)
        return self.norm2(self.drop(self.wo(gelu(gate) * value)) + x)


class Regressor(nn.Module):
    def __init__(self):
        super().__init__()
        self.tokens, self.types = nn.Embedding(4096, width), nn.Embedding(2, width)
        self.norm, self.drop = nn.LayerNorm(width, 1e-12), nn.Dropout(0.1)
        self.blocks = nn.ModuleList(Block() for _ in range(layers))
        self.pooler, self.output = nn.Linear(width, width), nn.Linear(width, 1)

    def forward(self, ids):
        length = ids.shape[1]
        powers = [1, 2, 3, 4, 5, 6, 7, 8, 0.5, 1.5, 2.5, 3.5]
        slopes = torch.tensor([2.0**-p for p in powers])
        place = torch.arange(length)
        bias = -slopes[:, None, None] * (place[None] - place[:, None]).abs()
        x = self.drop(self.norm(self.tokens(ids) + self.types.weight[0]))
        for block in self.blocks:
            x = block(x, bias[None])
        return self.output(self.drop(torch.tanh(self.pooler(x[:, 0]))))


mask = (1 << 64) - 1
ids = torch.tensor([5 + (((i * 0x9E3779B97F4A7C15) & mask) >> 40) % 4091 for i in range(8 * 256)]).view(8, 256)
targets = torch.arange(8)[:, None] / 8
network = Regressor()


def report(what, times):
    times = sorted(times[1:])
    print(f"torch {torch.__version__} {what}: median {times[len(times) // 2]:.3f} s, least {times[0]:.3f} s of {len(times)}")


network.eval()
times = []
with torch.no_grad():
    for _ in range(steps + 1):
        begin = time.perf_counter()
        network(ids)
        times.append(time.perf_counter() - begin)
report("inference", times)
network.train()
optimizer = torch.optim.AdamW(network.parameters(), lr=3e-5, weight_decay=0.01)
times = []
for _ in range(steps + 1):
    begin = time.perf_counter()
    loss = (network(ids) - targets).square().mean()
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
    optimizer.step()
    times.append(time.perf_counter() - begin)
report("step", times)
