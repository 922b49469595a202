"""Writes bpe.json: vocabularies, merges and ids of the Python library `tokenizers` on a corpus drawn by seed.

    python bpe.py
"""

import json
import pathlib
import platform

import numpy
import tokenizers
from tokenizers import ByteLevelBPETokenizer

SEED = 20_240_117

ODD = [
    "",
    " ",
    "  ",
    "\n",
    "lllll",
    " lllll",
    "lllll ",
    "  lllll  mmmmm",
    "lllll mmmmm\n",
    "lllll mmmmm\r\n",
    "lllll\nmmmmm hhhhh\n\nlllll",
    "lllll\n mmmmm \n hhhhh",
    "lllll\tmmmmm \t hhhhh",
    "lllmm <mask>",
    "lllmm<mask>",
    "<|endoftext|>",
    "lllmm <|endoftext|> hhhhh",
    "lllmm<|endoftext|>hhhhh lllll",
    "<|endoftext|>lllll <|endoftext|>",
    "<|endoftext|",
    "lmh llmmhh lllll1 lllll2mmmmm",
    "don't we'll 'llmmm h'm",
    "été lllll\u00a0mmmmm \u3000hhhhh",
    "日本語 lllll 🧬 mmmmm",
    "lllll. mmmmm, (hhhhh)",
    "\u0000lllll \u001cmmmmm\u0085hhhhh",
]


def draw_lines(random):
    """Draws sentences whose words are as unevenly frequent as those of mark counts."""
    levels = numpy.array([[0.334, 0.222, 0.444], [0.7, 0.2, 0.1], [0.34, 0.28, 0.38], [0.6, 0.3, 0.1], [0.8, 0.15, 0.05]])
    lines = []
    for _ in range(80):
        words = ["".join("lmh"[random.choice(3, p=mark)] for mark in levels) for _ in range(40)]
        lines.append(" ".join(words))
    return lines


def learn(lines, size, min_frequency, leading_space):
    tokenizer = ByteLevelBPETokenizer(add_prefix_space=leading_space)
    tokenizer.train_from_iterator(
        (line + "\n" for line in lines),
        vocab_size=size,
        min_frequency=min_frequency,
        special_tokens=["<|endoftext|>"],
        show_progress=False,
    )
    file = json.loads(tokenizer.to_str())
    texts = ODD + [line + " <mask>" for line in lines[:10]]
    return {
        "vocabulary": size,
        "min_frequency": min_frequency,
        "leading_space": leading_space,
        "file": file,
        "texts": texts,
        "ids": [tokenizer.encode(text, add_special_tokens=False).ids for text in texts],
    }


def main():
    lines = draw_lines(numpy.random.default_rng(SEED))
    golden = {
        "made_with": {
            "tokenizers": tokenizers.__version__,
            "numpy": numpy.__version__,
            "python": platform.python_version(),
            "seed": SEED,
        },
        "lines": lines,
        "cases": [learn(lines, 1000, 2, False), learn(lines, 400, 2, True), learn(lines, 320, 30, False)],
    }
    path = pathlib.Path(__file__).with_suffix(".json")
    path.write_text(json.dumps(golden, ensure_ascii=True, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
