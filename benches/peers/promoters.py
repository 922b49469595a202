"""Promoters of a drawn genome by chromex and by samtools + bedtools: python promoters.py EXAMPLE FOLDER [GIGABASES] [GENES]

EXAMPLE is the program `promoters` of chromex-io. Draws a genome of 10 contigs (80 bases a line) and genes on both strands into
FOLDER, runs both ways three times each by turns, from files without an index to sequences, and prints wall and processor
seconds and the largest memory of each. The sequences must be the same. Needs numpy, samtools and bedtools.
"""
import os
import subprocess
import sys
import time

import numpy as np

example, folder = sys.argv[1:3]
bases = int(float(sys.argv[3]) * 1e9) if len(sys.argv) > 3 else 10**9
genes = int(sys.argv[4]) if len(sys.argv) > 4 else 40_000
os.chdir(folder)
random = np.random.default_rng(5)
length = bases // 10 // 80 * 80
if not os.path.exists("genome.fa"):
    letters = np.frombuffer(b"ACGTacgt", np.uint8)
    with open("genome.fa", "wb") as file:
        for contig in range(10):
            file.write(f">chr{contig + 1}\n".encode())
            lines = np.full((length // 80, 81), ord("\n"), np.uint8)
            lines[:, :80] = letters[random.integers(0, 8, (length // 80, 80), dtype=np.uint8)]
            file.write(lines.tobytes())
with open("genes.gff", "w") as file:
    for gene in range(genes):
        contig, start = gene % 10 + 1, int(random.integers(1, length - 20_000))
        end, strand = start + int(random.integers(200, 6000)), "+-"[int(random.integers(2))]
        file.write(f"chr{contig}\tx\tgene\t{start}\t{end}\t.\t{strand}\t.\tID=g{gene}\n")
        for exon in range(4):
            file.write(f"chr{contig}\tx\texon\t{start}\t{end}\t.\t{strand}\t.\tParent=t{gene}\n")

PEER = r"""
set -e
rm -f genome.fa.fai
samtools faidx genome.fa
cut -f1,2 genome.fa.fai > sizes
awk -F'\t' '$3 == "gene" { sub(/^ID=/, "", $9); print $1"\t"$4-1"\t"$5"\t"$9"\t0\t"$7 }' genes.gff > genes.bed
bedtools flank -i genes.bed -g sizes -l 1000 -r 0 -s > flank.bed
bedtools subtract -a flank.bed -b genes.bed > pieces.bed
awk -F'\t' '{ k = $4; if (!(k in s) || ($6 == "+" ? $2 > s[k] : $2 < s[k])) { s[k] = $2; l[k] = $0 } }
    END { for (k in l) print l[k] }' pieces.bed | sort -k1,1 -k2,2n > chosen.bed
bedtools getfasta -fi genome.fa -bed chosen.bed -s -nameOnly | awk '/^>/ { sub(/\([+-]\)$/, ""); print; next } { print toupper($0) }' > peer.fa
"""


def run(command):
    start = time.perf_counter()
    process = subprocess.Popen(command)
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0, command
    return time.perf_counter() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def records(path):
    found, name = {}, None
    for line in open(path):
        if line.startswith(">"):
            name = line[1:].split()[0]
            found[name] = []
        else:
            found[name].append(line.strip())
    return {name: "".join(parts) for name, parts in found.items()}


times = {"chromex": [], "samtools + bedtools": []}
for _ in range(3):
    if os.path.exists("genome.fa.fai"):
        os.remove("genome.fa.fai")
    times["chromex"].append(run([example, "genome.fa", "genes.gff", "ours.fa"]))
    times["samtools + bedtools"].append(run(["bash", "-c", PEER]))
assert records("ours.fa") == records("peer.fa")
for name, runs in times.items():
    wall, processor, memory = (sorted(column) for column in zip(*runs))
    print(f"{name}: wall {wall[1]:.2f} s (least {wall[0]:.2f}), processor {processor[1]:.2f} s, memory {memory[-1]:.0f} MB")
