"""Simulated reads to count: python simulate_reads.py READS FOLDER

Writes reads.bam with its index (through samtools), reads.tagAlign.gz and windows.bed: 19,802 windows of 10,000 bp, as
many as DeepChrome has genes, on chromosomes of human length. Three in ten reads lie near windows. Needs numpy and samtools.
"""
import gzip
import pathlib
import subprocess
import sys

import numpy as np

count, folder = int(sys.argv[1]), pathlib.Path(sys.argv[2])
WINDOWS, LENGTH = 19_802, 36
MEGABASES = [249, 243, 198, 191, 181, 171, 159, 146, 141, 136, 135, 134, 115, 107, 103, 90, 81, 78, 59, 63, 48, 51, 155, 59]
chromosomes = [(f"chr{name}", size * 1_000_000) for name, size in zip([*range(1, 23), "X", "Y"], MEGABASES)]
total = sum(size for _, size in chromosomes)
random = np.random.default_rng(7)
bases = "".join("ACGT"[base] for base in random.integers(0, 4, 5_000_000))
folder.mkdir(parents=True, exist_ok=True)
starts = {name: np.sort(random.integers(20_000, size - 20_000, round(WINDOWS * size / total))) for name, size in chromosomes}
starts["chr1"] = np.sort(random.integers(20_000, 240_000_000, WINDOWS - sum(len(s) for n, s in starts.items() if n != "chr1")))
with open(folder / "windows.bed", "w") as windows:
    for name, _ in chromosomes:
        for start in starts[name]:
            windows.write(f"{name}\t{start - 5000}\t{start + 5000}\n")
bam = subprocess.Popen(["samtools", "view", "-b", "-o", folder / "reads.bam", "-"], stdin=subprocess.PIPE, text=True)
bam.stdin.write("@HD\tVN:1.6\tSO:coordinate\n" + "".join(f"@SQ\tSN:{name}\tLN:{size}\n" for name, size in chromosomes))
tags = gzip.open(folder / "reads.tagAlign.gz", "wt", compresslevel=4)
number, quality = 0, "I" * LENGTH
for name, size in chromosomes:
    near = random.choice(starts[name], round(0.3 * count * len(starts[name]) / WINDOWS))
    near = near + random.normal(0, 1500, len(near)).astype(int)
    places = np.concatenate([random.integers(0, size - LENGTH, round(0.7 * count * size / total)), np.clip(near, 0, size - LENGTH)])
    places.sort()
    flags = random.integers(0, 2, len(places)) * 16
    offsets = random.integers(0, len(bases) - LENGTH, len(places))
    mapped = random.choice([0, 3, 23, 37, 60], len(places), p=[0.05, 0.05, 0.1, 0.3, 0.5])
    for begin in range(0, len(places), 200_000):
        part = slice(begin, begin + 200_000)
        rows = list(zip(places[part].tolist(), flags[part].tolist(), offsets[part].tolist(), mapped[part].tolist()))
        bam.stdin.write("".join(
            f"read.{number + i}\t{flag}\t{name}\t{place + 1}\t{mapq}\t{LENGTH}M\t*\t0\t0\t{bases[offset:offset + LENGTH]}\t{quality}\n"
            for i, (place, flag, offset, mapq) in enumerate(rows)))
        tags.write("".join(f"{name}\t{place}\t{place + LENGTH}\tN\t1000\t{'-' if flag else '+'}\n" for place, flag, _, _ in rows))
        number += len(rows)
bam.stdin.close()
tags.close()
if bam.wait() or subprocess.run(["samtools", "index", folder / "reads.bam"]).returncode:
    sys.exit("samtools failed")
print(f"{number} reads in {folder}")
