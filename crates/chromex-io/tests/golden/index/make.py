"""Writes other files of the reads of ../multicov/reads.bam, each with its index: half.bam has every second read, moved.bam has
all of them 64 bases further right, so that its records have the same sizes. Needs pysam; VERSIONS says which made the committed
files.

    python make.py
"""

import os

import pysam


def main():
    with pysam.AlignmentFile("../multicov/reads.bam", "rb") as source:
        reads, lengths = list(source.fetch(until_eof=True)), dict(zip(source.references, source.lengths))
        header = source.header.to_dict()
    header["SQ"] = [{"SN": name, "LN": length} for name, length in lengths.items()]
    for name, kept, shift in [("half.bam", reads[::2], 0), ("moved.bam", reads, 64)]:
        with pysam.AlignmentFile(name, "wb", header=header) as file:
            for read in kept:
                if read.reference_id >= 0:
                    read.reference_start += shift
                file.write(read)
        pysam.index(name)


if __name__ == "__main__":
    os.chdir(os.path.dirname(os.path.abspath(__file__)))
    main()
