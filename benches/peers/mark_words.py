"""Times the Python library `tokenizers` on a corpus of mark words, on one thread.

    python benches/peers/mark_words.py --megabytes 12
    python benches/peers/mark_words.py --corpus corpus.txt --tokenizer tokenizer.json

Without `--corpus` it draws sentences of 200 words whose letters are about as frequent as in GeneGPT-2's corpus, which
is what benches/mark_words.rs draws (1,000 genes are 1.2 MB); without `--tokenizer` it learns one from the first 800.
Prints seconds, MB/s and a hash of the ids, by which two programs can be seen to have done the same work.
"""

import argparse
import os
import resource
import time

os.environ["RAYON_NUM_THREADS"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

import numpy  # noqa: E402
import tokenizers  # noqa: E402
from tokenizers import ByteLevelBPETokenizer, Tokenizer  # noqa: E402

SHARES = [(0.334, 0.222), (0.429, 0.249), (0.337, 0.282), (0.451, 0.281), (0.411, 0.248)]


def draw(megabytes):
    random = numpy.random.default_rng(1)
    lines = int(megabytes * 1e6) // 1200
    letters = numpy.full((lines, 200, 6), ord(" "), dtype=numpy.uint8)
    for mark, (none, one) in enumerate(SHARES):
        share = random.random((lines, 200))
        letter = numpy.where(share < none, ord("l"), numpy.where(share < none + one, ord("m"), ord("h")))
        letters[:, :, mark] = letter
    return [line.tobytes().decode()[:-1] for line in letters]


def learn(lines):
    tokenizer = ByteLevelBPETokenizer()
    lines = (line + "\n" for line in lines[:800])
    tokenizer.train_from_iterator(
        lines, vocab_size=1000, min_frequency=2, special_tokens=["<|endoftext|>"], show_progress=False
    )
    return Tokenizer.from_str(tokenizer.to_str())


def fnv(ids, value=0xCBF29CE484222325):
    for token in ids:
        value = ((value ^ token) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return value


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megabytes", type=float, default=12.0)
    parser.add_argument("--corpus")
    parser.add_argument("--tokenizer")
    options = parser.parse_args()

    if options.corpus:
        with open(options.corpus, encoding="utf-8") as file:
            lines = file.read(int(options.megabytes * 1e6) // 1200 * 1200).splitlines()
    else:
        lines = draw(options.megabytes)
    tokenizer = Tokenizer.from_file(options.tokenizer) if options.tokenizer else learn(lines)
    size = sum(len(line) + 1 for line in lines) / 1e6

    def one_by_one():
        return [tokenizer.encode(line, add_special_tokens=False).ids for line in lines]

    def in_batches():
        ids = []
        for start in range(0, len(lines), 1000):
            batch = tokenizer.encode_batch(lines[start : start + 1000], add_special_tokens=False)
            ids.extend(encoding.ids for encoding in batch)
        return ids

    print(f"tokenizers {tokenizers.__version__}, {size:.1f} MB, vocabulary {tokenizer.get_vocab_size()}")
    for name, work in [("encode", one_by_one), ("encode_batch", in_batches)]:
        wall, cpu = time.perf_counter(), time.process_time()
        ids = work()
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        value = 0xCBF29CE484222325
        for sentence in ids:
            value = fnv(sentence, value)
        count = sum(map(len, ids))
        print(
            f"{name}: wall {wall:.2f} s = {size / wall:.2f} MB/s, cpu {cpu:.2f} s = {size / cpu:.2f} MB/s, "
            f"peak {peak:.0f} MiB, {count} tokens, hash {value:x}"
        )


if __name__ == "__main__":
    main()
