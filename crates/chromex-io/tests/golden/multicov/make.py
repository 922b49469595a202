"""Draws 1,000 reads with edge cases and lets bedtools count them.

Writes reads.bam with its index, reads.sam.gz, reads.cram, archive.cram and striped.cram (packed without a reference), bins.bed, and one column of counts per
setting into counts.tsv. Needs samtools and bedtools; VERSIONS says which made the committed files.

    python make.py
"""

import gzip
import os
import random
import subprocess

LENGTHS = {"chr1": 30_000, "chr2": 12_000, "chrM": 500, "chr1_alt": 5_000}
SETTINGS = {"default": [], "quality_20": ["-q", "20"], "duplicates_and_failed": ["-D", "-F"], "proper_pairs": ["-p"]}


def span(cigar):
    total, number = 0, ""
    for character in cigar:
        if character.isdigit():
            number += character
        else:
            total += int(number) if character in "MDN=X" else 0
            number = ""
    return total


def bases(cigar):
    total, number = 0, ""
    for character in cigar:
        if character.isdigit():
            number += character
        else:
            total += int(number) if character in "MIS=X" else 0
            number = ""
    return total


def main():
    draw = random.Random(7)
    cigars = ["36M"] * 8 + [
        "10S26M", "26M10S", "5H31M", "12M500N24M", "18M2D18M", "18M3I15M", "36S", "20I16S", "1M", "5=1X30=",
        "10M4P26M", "4M1000N4M1000N28M", "36=", "0M36S", "*",
    ]
    flags = [0, 16] * 8 + [0x400, 0x410, 0x200, 0x100, 0x110, 0x800, 0x810, 4, 20, 0x63, 0x93, 0x53, 0xA3, 0x41, 0x461, 0x600]
    lines = []
    for number in range(1_000):
        name = draw.choice(list(LENGTHS))
        cigar = draw.choice(cigars)
        width = span(cigar)
        last = LENGTHS[name] - max(width, 1)
        place = draw.choice([0, max(last, 0), draw.randrange(max(last, 1)), draw.randrange(0, 6) * 100, 99, 199])
        place = max(0, min(place, max(last, 0)))
        # What has no CIGAR is not mapped, though it has a place.
        flag = draw.choice(flags) | (4 if cigar == "*" else 0)
        # CRAM keeps no quality of what is not mapped.
        quality = 0 if flag & 4 else draw.choice([0, 3, 19, 20, 37, 60, 254, 255])
        count = bases(cigar) if cigar != "*" else 36
        sequence = "".join(draw.choice("ACGT") for _ in range(count)) or "*"
        if draw.random() < 0.1:
            sequence = "*"
        mate = ("=", place + 1, draw.choice([150, -150])) if flag & 1 else ("*", 0, 0)
        fields = [f"r{number}", flag, name, place + 1, quality, cigar, *mate, sequence, "*"]
        lines.append((list(LENGTHS).index(name), place, "\t".join(map(str, fields))))
    lines.sort(key=lambda line: line[:2])
    header = "@HD\tVN:1.6\tSO:coordinate\n" + "".join(f"@SQ\tSN:{n}\tLN:{l}\n" for n, l in LENGTHS.items())
    unplaced = "".join(f"u{n}\t4\t*\t0\t0\t*\t*\t0\t0\tACGT\t*\n" for n in range(5))
    with open("reads.sam", "w") as file:
        file.write(header + "".join(line + "\n" for *_, line in lines) + unplaced)
    # Numbers of four bytes are packed in stripes.
    with open("striped.sam", "w") as file:
        file.write(header + "".join(f"{line}\tAS:i:{100_000 + number * 7}\n" for number, (*_, line) in enumerate(lines)) + unplaced)
    subprocess.run(["samtools", "view", "-b", "--no-PG", "-o", "reads.bam", "reads.sam"], check=True)
    subprocess.run(["samtools", "index", "reads.bam"], check=True)
    # The second packs names, qualities and numbers by every method that CRAM 3.1 has.
    newest = ["version=3.1", "archive", "use_arith=1", "use_fqz=1", "use_tok=1", "seqs_per_slice=300"]
    small = ["version=3.1", "small"]
    for name, reads, packing in [("reads", "reads", []), ("archive", "reads", newest), ("striped", "striped", small)]:
        cram = ["samtools", "view", "-C", "--no-PG", "-o", f"{name}.cram", f"{reads}.sam"]
        for option in ["no_ref=1", "multi_seq_per_slice=0", *packing]:
            cram += ["--output-fmt-option", option]
        subprocess.run(cram, check=True)
    with open("reads.sam", "rb") as plain, open("reads.sam.gz", "wb") as packed:
        packed.write(gzip.compress(plain.read(), mtime=0))
    os.remove("reads.sam")
    os.remove("striped.sam")
    with open("bins.bed", "w") as file:
        # Windows of 20 bins that overlap each other, begin at a chromosome's begin and reach its end.
        for name, starts in {"chr1": [0, 950, 1000, 10_000, 28_000], "chr2": [0, 3_333, 10_000], "chr1_alt": [3_000]}.items():
            for start in starts:
                for place in range(start, start + 2_000, 100):
                    file.write(f"{name}\t{place}\t{place + 100}\n")
    columns = []
    for extra in SETTINGS.values():
        command = ["bedtools", "multicov", "-bams", "reads.bam", "-bed", "bins.bed", *extra]
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        columns.append([line.split("\t")[-1] for line in output.splitlines()])
    with open("counts.tsv", "w") as file:
        file.write("\t".join(SETTINGS) + "\n")
        for row in zip(*columns, strict=True):
            file.write("\t".join(row) + "\n")
    with open("VERSIONS", "w") as file:
        for tool in ["bedtools", "samtools"]:
            output = subprocess.run([tool, "--version"], check=True, capture_output=True).stdout.decode(errors="replace")
            file.write(output.splitlines()[0] + "\n")


if __name__ == "__main__":
    main()
