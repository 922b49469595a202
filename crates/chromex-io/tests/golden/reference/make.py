"""Packs 40 reads against a reference: reference.fa with its index, one.cram with a slice per sequence, and several.cram whose
slices hold reads of both. Needs pysam; VERSIONS says which made the committed files.

    python make.py
"""

import os
import random

import pysam

LENGTHS = {"chr1": 2_000, "chr2": 1_000}


def main():
    draw = random.Random(11)
    bases = {name: "".join(draw.choice("ACGT") for _ in range(length)) for name, length in LENGTHS.items()}
    with open("reference.fa", "w") as file:
        for name, sequence in bases.items():
            file.write(f">{name}\n")
            for start in range(0, len(sequence), 60):
                file.write(sequence[start:start + 60] + "\n")
    pysam.faidx("reference.fa")
    header = {"HD": {"VN": "1.6", "SO": "coordinate"}, "SQ": [{"SN": name, "LN": length} for name, length in LENGTHS.items()]}
    reads = sorted((number % 2, draw.randrange(100, 900)) for number in range(40))
    for name, options in [("one.cram", []), ("several.cram", [b"multi_seq_per_slice=1"])]:
        with pysam.AlignmentFile(
            name, "wc", header=header, reference_filename="reference.fa", format_options=options, add_sq_text=True
        ) as file:
            for number, (sequence, start) in enumerate(reads):
                read = pysam.AlignedSegment(file.header)
                read.query_name = f"r{number}"
                read.reference_id = sequence
                read.reference_start = start
                read.cigarstring = "36M"
                read.mapping_quality = 37
                read.query_sequence = bases[list(LENGTHS)[sequence]][start:start + 36]
                file.write(read)
    with open("counts.tsv", "w") as file:
        for sequence, name in enumerate(LENGTHS):
            file.write(f"{name}\t{sum(place[0] == sequence for place in reads)}\n")


if __name__ == "__main__":
    os.chdir(os.path.dirname(os.path.abspath(__file__)))
    main()
