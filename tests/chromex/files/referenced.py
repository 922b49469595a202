"""Writes referenced.cram: ten reads packed against a reference that the file does not hold. pysam 0.24.1 (htslib 1.24)."""

import random
import tempfile
from pathlib import Path

import pysam

OUT = Path(__file__).with_suffix(".cram")

random.seed(1)
bases = "".join(random.choice("ACGT") for _ in range(5000))
with tempfile.TemporaryDirectory() as folder:
    reference = Path(folder) / "ref.fa"
    reference.write_text(f">chr1\n{bases}\n")
    pysam.faidx(str(reference))
    header = {"HD": {"VN": "1.6", "SO": "coordinate"}, "SQ": [{"SN": "chr1", "LN": 5000, "UR": "ref.fa"}]}
    with pysam.AlignmentFile(str(OUT), "wc", header=header, reference_filename=str(reference)) as file:
        for place in range(10):
            read = pysam.AlignedSegment(file.header)
            start = 600 + 10 * place
            read.query_name, read.flag = f"r{place}", 0
            read.reference_id, read.reference_start = 0, start
            read.mapping_quality, read.cigarstring = 60, "40M"
            read.query_sequence = bases[start : start + 40]
            read.query_qualities = pysam.qualitystring_to_array("I" * 40)
            file.write(read)
