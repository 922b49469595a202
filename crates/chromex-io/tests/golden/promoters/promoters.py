"""Makes promoters.json: digests of promoters by samtools and bedtools, cut as FloraBERT's authors describe.

gene rows -> `bedtools flank -l N -r 0 -s` -> `bedtools subtract` of all gene bodies -> of several pieces the last of plus
genes and the first of minus genes -> `bedtools getfasta -s` -> upper case. The digest is the SHA-256 of the lines
`gene<TAB>contig:start-end<TAB>sequence` in the order of the annotation.

Yeast's chromosome I comes without an annotation and the fly's annotation without a genome: the missing half is drawn by
SplitMix64, here and in the test.

    python promoters.py FOLDER_OF_DATA > promoters.json
"""
import gzip
import hashlib
import json
import os
import subprocess
import sys
import tempfile

MASK = (1 << 64) - 1
DATA = sys.argv[1]


class SplitMix:
    def __init__(self, seed):
        self.state = seed

    def below(self, bound):
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        return ((z ^ (z >> 31)) >> 33) % bound


def drawn_genes(length, count):
    random = SplitMix(11)
    lines = []
    for gene in range(count):
        start = random.below(length - 5000) + 1
        end = start + random.below(4000)
        strand = "+-"[random.below(2)]
        lines.append(f"I\tdrawn\tgene\t{start}\t{end}\t.\t{strand}\t.\tID=gene{gene}")
    return "\n".join(lines) + "\n"


def drawn_genome(length):
    random = SplitMix(12)
    bases = "".join("ACGT"[random.below(4)] for _ in range(length))
    return ">chr2L\n" + "\n".join(bases[i : i + 70] for i in range(0, length, 70)) + "\n"


def run(command, folder):
    return subprocess.run(command, shell=True, cwd=folder, check=True, capture_output=True).stdout.decode(errors="replace")


def promoters(folder, length):
    rows = []
    for line in open(f"{folder}/genes.gff"):
        if line.startswith("##FASTA"):
            break
        fields = line.rstrip("\n").split("\t")
        if line.startswith("#") or len(fields) < 9 or fields[2] != "gene":
            continue
        attributes = dict(part.split("=", 1) for part in fields[8].strip(";").split(";") if "=" in part)
        rows.append((fields[0], int(fields[3]) - 1, int(fields[4]), attributes.get("ID", "."), fields[6]))
    with open(f"{folder}/bodies.bed", "w") as file:
        for contig, start, end, gene, strand in rows:
            file.write(f"{contig}\t{start}\t{end}\t{gene}\t0\t{strand}\n")
    with open(f"{folder}/genes.bed", "w") as file:
        for contig, start, end, gene, strand in rows:
            if strand in "+-":
                file.write(f"{contig}\t{start}\t{end}\t{gene}\t0\t{strand}\n")
    run("samtools faidx genome.fa && cut -f1,2 genome.fa.fai > sizes", folder)
    run(f"bedtools flank -i genes.bed -g sizes -l {length} -r 0 -s > flank.bed", folder)
    run("bedtools subtract -a flank.bed -b bodies.bed > pieces.bed", folder)
    nearest = {}
    for line in open(f"{folder}/pieces.bed"):
        contig, start, end, gene, _, strand = line.split()
        piece = (contig, int(start), int(end), strand)
        known = nearest.get(gene)
        better = known is None or (piece[1] > known[1] if strand == "+" else piece[1] < known[1])
        if better:
            nearest[gene] = piece
    with open(f"{folder}/chosen.bed", "w") as file:
        for contig, start, end, gene, strand in rows:
            if gene in nearest:
                c, s, e, t = nearest[gene]
                file.write(f"{c}\t{s}\t{e}\t{gene}|{c}:{s}-{e}\t0\t{t}\n")
    text = run("bedtools getfasta -fi genome.fa -bed chosen.bed -s -nameOnly", folder).split("\n")
    digest = hashlib.sha256()
    count = bases = 0
    for name, sequence in zip(text[0::2], text[1::2]):
        gene, place = name[1:-3].split("|")
        digest.update(f"{gene}\t{place}\t{sequence.upper()}\n".encode())
        count += 1
        bases += len(sequence)
    return {"genes": len(rows), "promoters": count, "bases": bases, "sha256": digest.hexdigest()}


def write(path, text):
    with open(path, "w") as file:
        file.write(text)


cases = {}
io = f"{DATA}/genomics_io"
with tempfile.TemporaryDirectory() as folder:
    for name in ["gffread", "yeast", "fly"]:
        if os.path.exists(f"{folder}/genome.fa.fai"):
            os.remove(f"{folder}/genome.fa.fai")
        if name == "gffread":
            write(f"{folder}/genome.fa", open(f"{io}/gffread/genome.fa").read())
            write(f"{folder}/genes.gff", open(f"{io}/gffread/annotation.gff").read())
        elif name == "yeast":
            write(f"{folder}/genome.fa", open(f"{io}/yeast_chrI/genome.fa").read())
            write(f"{folder}/genes.gff", drawn_genes(230218, 120))
        else:
            write(f"{folder}/genome.fa", drawn_genome(5_100_000))
            write(f"{folder}/genes.gff", gzip.open(f"{io}/pybedtools/dm3-chr2L-5M.gff.gz", "rt").read())
        for length in [1000, 300]:
            cases[f"{name} {length}"] = promoters(folder, length)
versions = {tool: run(f"{tool} --version", "/").split("\n")[0] for tool in ["samtools", "bedtools"]}
print(json.dumps({"versions": versions, "cases": cases}, indent=1))
