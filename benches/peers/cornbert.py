"""The same pre-training step in PyTorch: python cornbert.py STEPS [LAYERS]

RobertaForMaskedLM of transformers with its scaled dot-product attention, the collator's 15 in 100 words hidden 80/10/10, LAMB of
torch_optimizer. Prints median and least seconds, wall clock and processor. Needs torch, transformers, torch_optimizer.
"""
import sys
import time

import torch
import torch_optimizer
import transformers
from transformers import RobertaConfig, RobertaForMaskedLM

steps = int(sys.argv[1])
layers = int(sys.argv[2]) if len(sys.argv) > 2 else 6
torch.set_num_threads(2)
torch.manual_seed(0)
config = RobertaConfig(
    vocab_size=5005,
    max_position_embeddings=259,
    type_vocab_size=1,
    hidden_size=768,
    num_hidden_layers=layers,
    num_attention_heads=6,
    intermediate_size=3072,
    layer_norm_eps=1e-12,
    pad_token_id=2,
    attention_probs_dropout_prob=0.0,
)
network = RobertaForMaskedLM(config)
network.train()
optimizer = torch_optimizer.Lamb(network.parameters(), lr=1e-3, eps=1e-8)
mask = (1 << 64) - 1
ids = torch.tensor([5 + (((i * 0x9E3779B97F4A7C15) & mask) >> 40) % 5000 for i in range(8 * 256)]).view(8, 256)
ids[:, 0], ids[:, 255] = 0, 1
words = torch.ones_like(ids, dtype=torch.bool)
words[:, 0], words[:, 255] = False, False


def hide():
    chosen = (torch.rand(ids.shape) < 0.15) & words
    labels = ids.masked_fill(~chosen, -100)
    draw = torch.rand(ids.shape)
    hidden = ids.masked_fill(chosen & (draw < 0.8), 4)
    other = chosen & (draw >= 0.8) & (draw < 0.9)
    return torch.where(other, torch.randint(5005, ids.shape), hidden), labels


times, processor = [], []
for _ in range(steps + 1):
    begin, spent = time.perf_counter(), time.process_time()
    hidden, labels = hide()
    loss = network(input_ids=hidden, labels=labels).loss
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    times.append(time.perf_counter() - begin)
    processor.append(time.process_time() - spent)
times, processor = sorted(times[1:]), sorted(processor[1:])
middle = len(times) // 2
print(
    f"torch {torch.__version__}, transformers {transformers.__version__} step: median {times[middle]:.3f} s, "
    f"least {times[0]:.3f} s of {len(times)}; processor {processor[middle]:.3f} s"
)
