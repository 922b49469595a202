"""Encodes random and real DNA with the Python library `tokenizers` and hashes the ids.

python dna_tokenizers.py DATA > dna_tokenizers.json
"""

import gzip
import hashlib
import json
import pathlib
import struct
import sys

import tokenizers
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit

data = pathlib.Path(sys.argv[1])


def random_sequences(count):
    """SplitMix64, which the test draws with as well; one letter in about 300 is an N, one sequence in 10 has a run of them."""
    state, mask = 6, (1 << 64) - 1

    def draw():
        nonlocal state
        state = (state + 0x9E3779B97F4A7C15) & mask
        z = state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
        return z ^ (z >> 31)

    for _ in range(count):
        letters = ["N" if draw() % 300 == 0 else "ACGT"[draw() % 4] for _ in range(1 + draw() % 400)]
        if draw() % 10 == 0:
            at = draw() % len(letters)
            letters[at:at] = ["N"] * (draw() % 25)
        yield "".join(letters)


with gzip.open(data / "plant_core_promoters/CNN_test_leaf.tsv.gz", "rt") as table:
    next(table)
    real = [line.split("\t")[3] for line in table][:5000]
sequences = list(random_sequences(5000)) + real


def hashed(encode):
    hash, count = hashlib.sha256(), 0
    for sequence in sequences:
        ids = encode(sequence)
        count += len(ids)
        hash.update(struct.pack(f"<{len(ids) + 1}I", len(ids), *ids))
    return {"sha256": hash.hexdigest(), "tokens": count}


folder = data / "dna_tokenizers"
dnabert2 = Tokenizer.from_file(str(folder / "DNABERT-2-117M/tokenizer.json"))
text = gzip.open(folder / "GENA_t2t_1000h_multi_32k/tokenizer.json.gz", "rt").read()
gena = Tokenizer.from_str(text)
words = (folder / "DNABERT-6/vocab.txt").read_text().splitlines()
six = Tokenizer(WordLevel({word: id for id, word in enumerate(words)}, unk_token="[UNK]"))
six.pre_tokenizer = WhitespaceSplit()


def kmers(sequence):
    return " ".join(sequence[i : i + 6] for i in range(len(sequence) - 5))


json.dump(
    {
        "versions": {"tokenizers": tokenizers.__version__, "python": sys.version.split()[0]},
        "sequences": len(sequences),
        "dnabert2": hashed(lambda s: dnabert2.encode(s, add_special_tokens=False).ids),
        "gena": hashed(lambda s: gena.encode(s, add_special_tokens=False).ids),
        "six": hashed(lambda s: six.encode(kmers(s), add_special_tokens=False).ids),
    },
    sys.stdout,
    indent=1,
)
