"""The same training step in PyTorch: python language_model.py WIDTH STEPS

Prints the median milliseconds of a step. Needs torch and transformers.
"""
import sys
import time

import torch
from transformers import GPT2Config, GPT2LMHeadModel

width, steps = int(sys.argv[1]), int(sys.argv[2])
torch.set_num_threads(2)
torch.manual_seed(0)
network = GPT2LMHeadModel(GPT2Config(
    vocab_size=1000, n_positions=64, n_embd=width, n_layer=8, n_head=8,
    resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0,
))
decayed = [p for n, p in network.named_parameters() if "bias" not in n]
spared = [p for n, p in network.named_parameters() if "bias" in n]
optimizer = torch.optim.AdamW(
    [{"params": decayed, "weight_decay": 0.05}, {"params": spared, "weight_decay": 0.0}], lr=1e-3, eps=1e-8,
)
mask = (1 << 64) - 1
stream = torch.tensor([(((i * 0x9E3779B97F4A7C15) & mask) >> 40) % 752 for i in range(160848)])
times = []
for _ in range(steps):
    starts = torch.randint(0, len(stream) - 64, (64,))
    begin = time.perf_counter()
    batch = torch.stack([stream[s : s + 64] for s in starts])
    loss = network(batch, labels=batch).loss
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(network.parameters(), 0.5)
    optimizer.step()
    times.append((time.perf_counter() - begin) * 1e3)
times = sorted(times[1:])
print(f"torch {torch.__version__} width {width}: {times[len(times) // 2]:.1f} ms")
