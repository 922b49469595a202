"""The same training steps in PyTorch: python histone_networks.py NETWORK STEPS

NETWORK is attentivechrome, attentivechrome_wide, a variant of DeepDiff (deepdiff_raw_d, ..), deepchrome, deepchrome_64, fcn or
wakawaka. Prints the median milliseconds of a step. Needs torch.
"""
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F


class Encoders(nn.Module):
    """A bidirectional LSTM and attention per sequence, one after the other as the published code loops over marks."""

    def __init__(self, count, channels, hidden):
        super().__init__()
        self.lstms = nn.ModuleList(
            nn.LSTM(channels, hidden, bidirectional=True, batch_first=True) for _ in range(count)
        )
        self.context = nn.ParameterList(torch.empty(2 * hidden).uniform_(-0.1, 0.1) for _ in range(count))

    def forward(self, sequences):
        results = []
        for lstm, context, sequence in zip(self.lstms, self.context, sequences):
            states, _ = lstm(sequence)
            attention = torch.softmax(states @ context, dim=1)
            results.append(torch.bmm(attention.unsqueeze(1), states).squeeze(1))
        return results


def marks(signal):
    return [signal[:, :, mark : mark + 1] for mark in range(signal.shape[2])]


class AttentiveChrome(nn.Module):
    def __init__(self):
        super().__init__()
        self.bins, self.marks, self.head = Encoders(5, 1, 32), Encoders(1, 64, 16), nn.Linear(32, 1)

    def forward(self, signal):
        return self.head(self.marks([torch.stack(self.bins(marks(signal)), 1)])[0])


class DeepDiff(nn.Module):
    def __init__(self, raw, auxiliary, siamese):
        super().__init__()
        self.kind, self.siamese = raw, siamese
        count = {None: 0, "d": 1, "c": 2, "all": 3}[raw]
        self.raw = Encoders(5 * count, 1, 32) if raw else None
        self.main = Encoders(1, 64, 16) if raw else None
        self.cells = Encoders(5 if siamese else 10, 1, 32) if auxiliary else None
        self.levels = Encoders(2, 64, 16) if auxiliary else None
        self.extra = nn.ModuleList(nn.Linear(32, 1) for _ in range(2)) if auxiliary else None
        self.joint, self.head = nn.Linear(64, 32), nn.Linear(32, 1)

    def loss(self, a, b, y, expression):
        loss, embedded = 0.0, []
        if self.cells is not None:
            if self.siamese:
                first, second = self.cells(marks(a)), self.cells(marks(b))
            else:
                both = self.cells(marks(a) + marks(b))
                first, second = both[:5], both[5:]
            embedded = first + second
            levels = self.levels([torch.stack(first, 1), torch.stack(second, 1)])
            for cell in (0, 1):
                loss = loss + F.mse_loss(self.extra[cell](levels[cell]), expression[:, cell : cell + 1])
            if self.siamese:
                apart = F.pairwise_distance(torch.cat(first, 1), torch.cat(second, 1), eps=1e-6)
                differs = (y.squeeze(1).abs() >= 2).float()
                loss = loss + 4 * ((1 - differs) * apart**2 + differs * torch.clamp(2 - apart, min=0) ** 2).mean()
        if self.raw is None:
            scores = self.head(torch.relu(self.joint(torch.cat(levels, 1))))
        else:
            signals = {"d": [a - b], "c": [a, b], "all": [a, b, a - b]}[self.kind]
            encoded = self.raw([m for signal in signals for m in marks(signal)])
            scores = self.head(self.main([torch.stack(encoded + embedded, 1)])[0])
        return loss + F.mse_loss(scores, y)


class DeepChrome(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv1d(5, 50, 10), nn.ReLU(), nn.MaxPool1d(5), nn.Flatten(), nn.Dropout(0.5),
            nn.Linear(900, 625), nn.ReLU(), nn.Linear(625, 125), nn.ReLU(), nn.Linear(125, 2),
        )

    def forward(self, signal):
        return self.layers(signal.transpose(1, 2))


class Fcn(nn.Module):
    def __init__(self):
        super().__init__()
        layers, before = [], 5
        for layer, filters in enumerate([64, 64, 128, 128, 256, 256, 512, 512]):
            layers += [nn.Conv1d(before, filters, 3, stride=2 - layer % 2), nn.BatchNorm1d(filters)]
            layers += [nn.Dropout(0.2), nn.LeakyReLU(0.05)]
            before = filters
        self.layers = nn.Sequential(*layers, nn.Conv1d(512, 1, 1), nn.Flatten())

    def forward(self, signal):
        return self.layers(signal.transpose(1, 2))


class WakaWaka(nn.Module):
    def __init__(self):
        super().__init__()
        self.marks = nn.Sequential(
            nn.Conv1d(5, 50, 10, padding="same"), nn.LeakyReLU(0.05), nn.MaxPool1d(5),
            nn.Conv1d(50, 50, 5, padding="same"), nn.LeakyReLU(0.05), nn.MaxPool1d(3),
            nn.Flatten(), nn.Dropout(0.5), nn.Linear(300, 82), nn.LeakyReLU(0.05),
        )
        self.dna = nn.Sequential(
            nn.Conv1d(4, 132, 6, padding="same"), nn.ReLU(), nn.MaxPool1d(32),
            nn.Flatten(), nn.Dropout(0.5), nn.Linear(312 * 132, 82), nn.LeakyReLU(0.05),
        )
        self.joint = nn.Sequential(nn.Linear(164, 100), nn.LeakyReLU(0.05), nn.Dropout(0.1), nn.Linear(100, 1))

    def forward(self, signal, letters):
        dna = F.one_hot(letters, 4).float().transpose(1, 2)
        return self.joint(torch.cat([self.marks(signal.transpose(1, 2)), self.dna(dna)], 1))


name, steps = sys.argv[1], int(sys.argv[2])
torch.set_num_threads(2)
torch.manual_seed(0)
variants = {
    "raw_d": ("d", False, False), "raw_c": ("c", False, False), "raw": ("all", False, False),
    "aux": (None, True, False), "raw_aux": ("all", True, False),
    "aux_siamese": (None, True, True), "raw_aux_siamese": ("all", True, True),
}
rows = {"attentivechrome": 16, "attentivechrome_wide": 32, "deepchrome": 1, "deepchrome_64": 64, "fcn": 128, "wakawaka": 100}.get(name, 10)
bins = 200 if name.startswith("deepdiff") or name.endswith("wide") else 100
signal = torch.randint(0, 8, (rows, bins, 5)).float()
other = torch.randint(0, 8, (rows, bins, 5)).float()
labels = (torch.arange(rows) % 2).float().unsqueeze(1)
letters = torch.randint(0, 4, (rows, 10000)) if name == "wakawaka" else None
clip = 1.0
if name.startswith("attentivechrome"):
    network, rate = AttentiveChrome(), 2e-4
    compute = lambda: F.binary_cross_entropy_with_logits(network(signal), labels)
elif name.startswith("deepdiff_"):
    network, rate = DeepDiff(*variants[name.removeprefix("deepdiff_")]), 1e-4
    compute = lambda: network.loss(signal, other, labels, torch.cat([labels, labels], 1))
elif name.startswith("deepchrome"):
    network, rate, clip = DeepChrome(), 1e-3, None
    compute = lambda: F.cross_entropy(network(signal), labels.squeeze(1).long())
elif name == "fcn":
    network, rate, clip = Fcn(), 2e-4, None
    compute = lambda: F.mse_loss(network(signal), labels)
else:
    network, rate, clip = WakaWaka(), 5e-4, None
    compute = lambda: F.mse_loss(network(signal, letters), labels)
optimizer = (torch.optim.SGD if name.startswith("deepchrome") else torch.optim.Adam)(network.parameters(), lr=rate)
times = []
for _ in range(steps):
    begin = time.perf_counter()
    loss = compute()
    optimizer.zero_grad()
    loss.backward()
    if clip:
        torch.nn.utils.clip_grad_norm_([p for p in network.parameters() if p.grad is not None], clip)
    optimizer.step()
    times.append((time.perf_counter() - begin) * 1e3)
times = sorted(times[2:])
print(f"torch {torch.__version__} {name}: {times[len(times) // 2]:.2f} ms")
