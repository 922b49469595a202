"""Searches DExTER's domains by brute force, letter by letter, with SciPy's rank correlation.

Draws promoters and expression by seed, so that some k-mers in some regions matter, and writes every domain with its score.

python dexter.py > dexter.json
"""

import json
import random
import sys

import numpy
import scipy
from scipy.stats import spearmanr

LETTERS = "ACGT"


def edges(length, alignment, most):
    """Widths of cubes around the base of alignment; the least first root, from 2, that gives few enough bins."""
    first = 2
    while True:
        sides = []
        for bases in (alignment, length - alignment - 1):
            widths, root = [], first
            while sum(widths) < bases:
                widths.append(min(root**3, bases - sum(widths)))
                root += 1
            sides.append(widths)
        widths = sides[0][::-1] + [1] + sides[1]
        if len(widths) <= most:
            return [sum(widths[:i]) for i in range(len(widths) + 1)]
        first += 1


def search(sequences, expression, cuts):
    bins = len(cuts) - 1
    known = {}

    def score(kmer, start, end):
        if len(kmer) < 2:
            return 0.0
        if (kmer, start, end) not in known:
            counts = [
                sum(s.startswith(kmer, i) for i in range(cuts[start], cuts[end]))
                for s in sequences
            ]
            value = 0.0 if len(set(counts)) == 1 else abs(spearmanr(counts, expression)[0])
            # So that scores of equal counts are equal.
            known[kmer, start, end] = round(value, 12)
        return known[kmer, start, end]

    def gains(a, b, least):
        if b == 0:
            return a >= least
        return a - b >= 0.01 and (a - b) / b >= 0.1

    kept = set()
    waiting = [(a + b, 0, bins, True) for a in LETTERS for b in LETTERS]
    seen = set(waiting)
    while waiting:
        kmer, start, end, root = waiting.pop(0)
        own = score(kmer, start, end)
        halves = [kmer[1:], kmer[:-1]]
        if not root and not all(gains(own, score(h, start, end), 0.01) for h in halves):
            continue
        kept.add((kmer, start, end))
        regions = [
            (-score(kmer, a, b), b - a, a, b)
            for a in range(bins)
            for b in range(a + 1, bins + 1)
            if score(kmer, a, b) >= own
        ]
        taken = []
        for value, _, a, b in sorted(regions):
            if value == 0 or any(a < d and c < b for c, d in taken):
                continue
            if all(gains(-value, score(h, a, b), 0) for h in halves):
                taken.append((a, b))
        for a, b in taken:
            kept.add((kmer, a, b))
            for letter in LETTERS:
                for longer in (kmer + letter, letter + kmer):
                    item = (longer, a, b, False)
                    if item not in seen:
                        seen.add(item)
                        waiting.append(item)
        waiting.sort(key=lambda item: len(item[0]))
    ordered = sorted(kept, key=lambda d: (len(d[0]), d[0], d[1], d[2]))
    return [[kmer, a, b, score(kmer, a, b)] for kmer, a, b in ordered]


def case(seed, length, alignment, motifs, most):
    draw = random.Random(seed)
    sequences, expression = [], []
    cuts = edges(length, alignment, most)
    for _ in range(200):
        letters = [draw.choice(LETTERS) for _ in range(length)]
        value = draw.gauss(0, 0.6)
        for motif, first, last, effect in motifs:
            for _ in range(draw.randrange(0, 5)):
                at = draw.randrange(first, last - len(motif))
                letters[at : at + len(motif)] = motif
                value += effect
        if draw.random() < 0.2:
            at = draw.randrange(0, length - 6)
            letters[at : at + 6] = "NNNNNN"
        # Genes that are off share one value, as logarithms with a floor do.
        expression.append(round(max(value, -0.5), 3))
        sequences.append("".join(letters))
    return {
        "alignment": alignment,
        "most_bins": most,
        "edges": cuts,
        "sequences": sequences,
        "expression": expression,
        "domains": search(sequences, expression, cuts),
    }


cases = [
    case(1, 161, 80, [("TATAAA", 45, 75, 1.0)], 13),
    case(2, 131, 130, [("GGCGC", 5, 60, 0.8), ("AAAAAA", 60, 120, -0.8)], 7),
    case(3, 90, 30, [("CATCAT", 32, 85, 1.0), ("GA", 0, 30, 0.1)], 9),
]
json.dump(
    {
        "versions": {
            "python": sys.version.split()[0],
            "scipy": scipy.__version__,
            "numpy": numpy.__version__,
        },
        "cases": cases,
    },
    sys.stdout,
)
