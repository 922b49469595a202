"""Writes the files that the searches begin with, into the folder `seeds` beside this script.

Made with Python 3.11, numpy 2.4, pyarrow 26.0, pysam 0.24 and pyBigWig 0.3: pip install numpy pyarrow pysam pyBigWig
Everything is drawn or invented here, the seed of the generator fixed, but for what `models` copies from the golden files of the crates.
"""

import gzip
import hashlib
import itertools
import json
import os
import random
import shutil
import struct
from pathlib import Path

import numpy
import pyarrow
import pyarrow.parquet
import pyBigWig
import pysam

SEEDS = Path(__file__).resolve().parent / "seeds"
random.seed(1)


def path(parser, name):
    folder = SEEDS / parser
    folder.mkdir(parents=True, exist_ok=True)
    return folder / name


def write(parser, name, text, packed=False):
    path(parser, name).write_text(text)
    if packed:
        # Without a time or a name, so that the file is the same each time.
        path(parser, name + ".gz").write_bytes(gzip.compress(text.encode(), mtime=0))


def alignments():
    header = {"HD": {"VN": "1.6", "SO": "coordinate"}, "SQ": [{"SN": "chr1", "LN": 5000}, {"SN": "chr2", "LN": 900}]}
    shapes = [("36M", 36), ("5S20M11S", 36), ("10M50N10M", 20), ("8M2I8M3D4M", 22), ("4H12M", 12), ("6=1X5M2P3M", 15)]
    reads = []
    for index in range(12):
        cigar, bases = shapes[index % len(shapes)]
        read = pysam.AlignedSegment(pysam.AlignmentHeader.from_dict(header))
        read.query_name = f"read{index}"
        read.reference_id = index // 9
        read.reference_start = 37 * index % 700
        read.flag = [0, 16, 99, 147, 1024, 256][index % 6]
        read.mapping_quality = [0, 30, 60, 255][index % 4]
        read.cigarstring = cigar
        read.query_sequence = "".join(random.choices("ACGTN", k=bases))
        read.query_qualities = pysam.qualitystring_to_array("".join(random.choices("#5I", k=bases)))
        read.set_tag("NM", index)
        if read.is_paired:
            read.next_reference_id = read.reference_id
            read.next_reference_start = read.reference_start + 120
            read.template_length = 150
        reads.append(read)
    reads.sort(key=lambda read: (read.reference_id, read.reference_start))
    unplaced = pysam.AlignedSegment(reads[0].header)
    unplaced.query_name, unplaced.flag, unplaced.query_sequence = "unplaced", 4, "ACGT"
    reads.append(unplaced)
    cram = ["no_ref=1"]
    for name, mode, options in [
        ("reads.sam", "wh", None),
        ("reads.bam", "wb", None),
        ("plain.bam", "wb0", None),
        ("reads.cram", "wc", cram),
        ("stored.cram", "wc", cram + ["level=0", "use_rans=0"]),
        ("v31.cram", "wc", cram + ["version=3.1"]),
    ]:
        options = [option.encode() for option in options or []]
        # By a short name, because a CRAM keeps it.
        path("reads", name)
        os.chdir(SEEDS / "reads")
        with pysam.AlignmentFile(name, mode, header=header, format_options=options) as file:
            for read in reads:
                file.write(read)


def signals():
    rows = [(f"chr{1 + index // 9}", 40 * index % 360, 40 * index % 360 + 36, "+-"[index % 2]) for index in range(14)]
    write("reads", "reads.tagAlign", "".join(f"{c}\t{s}\t{e}\tN\t1000\t{d}\n" for c, s, e, d in rows), packed=True)
    values = [(c, s, e, 0.25 * index) for index, (c, s, e, _) in enumerate(rows)]
    lines = "".join(f"{c}\t{s}\t{e}\t{v}\n" for c, s, e, v in values)
    write("reads", "signal.bedGraph", 'track type=bedGraph name="x"\n' + lines)
    with pyBigWig.open(str(path("reads", "signal.bw")), "w") as file:
        file.addHeader([("chr1", 5000), ("chr2", 900)], maxZooms=2)
        file.addEntries([v[0] for v in values], [v[1] for v in values], ends=[v[2] for v in values], values=[v[3] for v in values])
        file.addEntries("chr2", 500, values=[1.0, 2.0, 3.0], span=20, step=30)
        file.addEntries("chr2", [700, 750], values=[4.0, 5.0], span=20)
    path("reads", "stored.bw").write_bytes(stored_big_wig())


def stored_big_wig():
    """A bigWig whose blocks are not compressed, which no usual writer leaves: header, chromosomes, one block, its index."""
    chromosomes = struct.pack("<IIIIQQ", 0x78CA8C91, 1, 4, 8, 1, 0) + struct.pack("<BBH4sII", 1, 0, 1, b"chr1", 0, 5000)
    spans = [(0, 40, 1.0), (100, 130, 2.5), (400, 900, 0.5)]
    block = struct.pack("<IIIIIBBH", 0, 0, 900, 0, 0, 1, 0, len(spans)) + b"".join(struct.pack("<IIf", *span) for span in spans)
    summary = struct.pack("<Qdddd", 570, 0.5, 2.5, 365.0, 352.5)
    at_summary = 64
    at_chromosomes = at_summary + len(summary)
    at_data = at_chromosomes + len(chromosomes)
    at_block = at_data + 8
    at_index = at_block + len(block)
    index = struct.pack("<IIQIIIIQII", 0x2468ACE0, 256, 1, 0, 0, 0, 900, at_index, 1, 0)
    index += struct.pack("<BBH", 1, 0, 1) + struct.pack("<IIIIQQ", 0, 0, 0, 900, at_block, len(block))
    header = struct.pack("<IHHQQQHHQQIQ", 0x888FFC26, 4, 0, at_chromosomes, at_data, at_index, 0, 0, 0, at_summary, 0, 0)
    return header + summary + chromosomes + struct.pack("<Q", 1) + block + index + struct.pack("<I", 0x888FFC26)


def annotations():
    gtf = "#!genome-build x\n"
    gff = "##gff-version 3\n"
    for index, (start, end, strand) in enumerate([(100, 900, "+"), (1500, 2400, "-"), (3000, 3100, ".")]):
        ids = f'gene_id "G{index}"; gene_name "N{index}"; gene_biotype "protein_coding";'
        gtf += f"chr1\tx\tgene\t{start}\t{end}\t.\t{strand}\t.\t{ids}\n"
        gff += f"chr1\tx\tgene\t{start}\t{end}\t.\t{strand}\t.\tID=gene:G{index};Name=N{index};biotype=protein_coding\n"
        for copy in range(2):
            of = f'{ids} transcript_id "T{index}.{copy}"; tag "Ensembl_canonical";'
            gtf += f"chr1\tx\ttranscript\t{start + copy}\t{end}\t.\t{strand}\t.\t{of}\n"
            gtf += f"chr1\tx\texon\t{start + copy}\t{end}\t.\t{strand}\t.\t{of} exon_number {copy + 1};\n"
            gff += f"chr1\tx\tmRNA\t{start + copy}\t{end}\t.\t{strand}\t.\tID=transcript:T{index}.{copy};Parent=gene:G{index};tag=a,b%2Cc\n"
            gff += f"chr1\tx\tCDS\t{start + copy}\t{end}\t.\t{strand}\t0\tParent=transcript:T{index}.{copy}\n"
    write("genes", "a.gtf", gtf, packed=True)
    write("genes", "a.gff3", gff + "###\n##FASTA\n>chr1\nACGT\n")
    write("genes", "list.txt", "G0\nG1\nG2\n")
    write("bed_windows", "a.bed", "track name=x\nchr1\t0\t1000\tG0\t0\t+\nchr1\t2000\t3000\tG1\t.\t-\n", packed=True)
    write("bed_windows", "three.bed", "# remark\nchr1\t0\t1000\nchr2\t500\t1500\n")


def sequences():
    contigs = {"chr1": 730, "chrI": 61, "seq1": 600}
    drawn = {name: "".join(random.choices("ACGTNacgtRY", k=length)) for name, length in contigs.items()}
    text, index, at = "", "", 0
    for name, bases in drawn.items():
        head = f">{name} drawn\n"
        lines = [bases[start : start + 60] for start in range(0, len(bases), 60)]
        index += f"{name}\t{len(bases)}\t{at + len(head)}\t60\t61\n"
        text += head + "\n".join(lines) + "\n"
        at = len(text)
    write("fasta", "a.fa", text, packed=True)
    write("fasta", "carriage.fa", text.replace("\n", "\r\n"))
    write("fasta_index", "a.fa.fai", index)


def tables():
    genes = [f"G{index}" for index in range(6)]
    samples = ["E003", "E004", "E005"]
    numbers = [[random.choice([0, 1.5, 12, 1e-3, 40000]) for _ in samples] for _ in genes]
    rows = ["\t".join(map(str, [gene, *row])) for gene, row in zip(genes, numbers)]
    write("expression", "a.tsv", "gene\t" + "\t".join(samples) + "\n" + "\n".join(rows) + "\n", packed=True)
    write("expression", "trailing.tsv", "gene\t" + "\t".join(samples) + "\n" + "\t\n".join(rows) + "\t\n")
    write("expression", "a.csv", ("gene\t" + "\t".join(samples) + "\n" + "\n".join(rows) + "\n").replace("\t", ","))
    gct = [row.replace("\t", "\tdescription\t", 1) for row in rows]
    write("expression", "a.gct", "#1.2\n6\t3\nName\tDescription\t" + "\t".join(samples) + "\n" + "\n".join(gct) + "\n")
    write("expression", "columns.csv", "".join(f"{gene},{index * 7}\n" for index, gene in enumerate(genes)))
    table = pyarrow.table({"gene": genes, **{sample: [float(row[index]) for row in numbers] for index, sample in enumerate(samples)}})
    for name, packing in [("stored.parquet", "none"), ("a.parquet", "zstd")]:
        pyarrow.parquet.write_table(table, path("expression", name), compression=packing)

    # Genes of four bins, where published ones have 100 and 200: the searches read them by such a layout.
    lines = [f"{gene}{{}}{bin},{bin % 3},{bin % 5},0,{bin % 7},{bin % 2}" for gene in genes for bin in range(1, 5)]
    write("deepdiff", "a.csv", "".join(line.format("_N_") + "\n" for line in lines), packed=True)
    write("deepchrome", "a.csv", "".join(line.format(",") + ",1\n" for line in lines), packed=True)
    write("deepchrome", "joined.csv", "".join(line.format("_") + ",0\n" for line in lines))


def arrays():
    counts = numpy.random.default_rng(1).poisson(2, size=(2, 4, 5))
    for name, array in [
        ("float.npy", counts.astype("<f4")),
        ("fortran.npy", numpy.asfortranarray(counts.astype("<f4"))),
    ]:
        numpy.save(path("npy", name), array)
    entries = {
        "signal": counts.astype("<f4"),
        "bin_width_bp": numpy.array([100]),
        "marks": numpy.frombuffer(b"a\nb\nc\nd\ne\n", "u1"),
        "genes": numpy.frombuffer(b"G0\nG1\n", "u1"),
    }
    numpy.savez(path("npz", "stored.npz"), **entries)
    numbers = numpy.repeat(numpy.arange(2.0), 4).reshape(2, 4, 1)
    cells = [numpy.concatenate([numbers, counts, numbers + shift], axis=2) for shift in (0.5, -2.0)]
    numpy.savez(path("npz", "cells.npz"), E003=cells[0], E004=cells[1].astype("<f4"))
    numpy.savez_compressed(path("npz", "a.npz"), **entries)

    description = {"genome": "x", "orientation": "genomic", "windows": "", "settings": "", "sources": []}
    targets = [{"name": "E003", "unit": "reads", "transform": "identity"}]
    metadata = {"version": 1, "genes": 2, "bins": 4, "bin_width_bp": 100, "marks": ["a", "b"], "targets": targets}
    genes = [gene for gene in ("G0", "G1") for _ in range(4)]
    columns = {
        "gene": genes,
        "symbol": [""] * 8,
        "chromosome": ["chr1"] * 8,
        "strand": ["+"] * 4 + ["."] * 4,
        "start": [1000 * (gene == "G1") + 100 * (row % 4) for row, gene in enumerate(genes)],
        "bin": pyarrow.array([row % 4 for row in range(8)], "int32"),
        "a": pyarrow.array(map(float, range(8)), "float32"),
        "b": pyarrow.array([0.5] * 8, "float32"),
        "target E003": pyarrow.array([1.0] * 4 + [7.0] * 4, "float32"),
    }
    schema = [pyarrow.field(name, pyarrow.array(column).type, nullable=False) for name, column in columns.items()]
    text = json.dumps({**metadata, "description": description})
    schema = pyarrow.schema(schema, {"chromex.windows": text})
    table = pyarrow.table([pyarrow.array(column) for column in columns.values()], schema=schema)
    for name, packing in [("stored.parquet", "none"), ("a.parquet", "zstd")]:
        pyarrow.parquet.write_table(table, path("windows", name), compression=packing, write_statistics=False)


def tokenizers():
    letters = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    kinds = {
        # Words of marks, byte by byte.
        "marks.json": (["h", "l", "m", "\u0120", "\u010a"], [], None, letters, letters),
        # Bases, as DNABERT-2 has them.
        "bases.json": (
            ["A", "C", "G", "T", "N"],
            ["[UNK]", "[CLS]"],
            {"type": "Replace", "pattern": {"Regex": "N{10,}"}, "content": "N"},
            {"type": "Sequence", "pretokenizers": [{"type": "Whitespace"}, {"type": "Punctuation", "behavior": "Isolated"}]},
            None,
        ),
        "lower.json": (
            ["a", "b", "\u2581"],
            ["<s>", "</s>"],
            {"type": "Sequence", "normalizers": [{"type": "NFKC"}, {"type": "Lowercase"}, {"type": "Strip", "strip_left": True, "strip_right": False}]},
            {"type": "Sequence", "pretokenizers": [
                {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always", "split": True},
                {"type": "Split", "pattern": {"Regex": "a+|b"}, "behavior": "MergedWithPrevious", "invert": False},
                {"type": "Digits", "individual_digits": True},
            ]},
            {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always", "split": True},
        ),
    }
    for name, (alphabet, special, normalizer, pre_tokenizer, decoder) in kinds.items():
        pairs = list(zip(alphabet, alphabet[1:]))
        tokens = special + alphabet + ["".join(pair) for pair in pairs]
        flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
        model = {
            "type": "BPE",
            "dropout": None,
            "unk_token": special[0] if special else None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": {token: index for index, token in enumerate(tokens)},
            "merges": [list(pair) for pair in pairs] if special else [" ".join(pair) for pair in pairs],
        }
        processor = None
        if special:
            ids = [{"SpecialToken": {"id": special[1], "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}]
            known = {special[1]: {"id": special[1], "ids": [1], "tokens": [special[1]]}}
            processor = {"type": "TemplateProcessing", "single": ids, "pair": ids, "special_tokens": known}
        whole = {
            "version": "1.0",
            "truncation": None,
            "padding": None,
            "added_tokens": [{"id": index, "content": token, **flags} for index, token in enumerate(special)],
            "normalizer": normalizer,
            "pre_tokenizer": pre_tokenizer,
            "post_processor": processor,
            "decoder": decoder,
            "model": model,
        }
        write("tokenizer", name, json.dumps(whole))
    words = ["".join(letters) for letters in itertools.product("ACGT", repeat=2)]
    write("tokenizer", "vocab.txt", "\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words]) + "\n")


def models():
    """What other libraries wrote lies among the golden files of the crates that read it."""
    crates = SEEDS.parent.parent / "crates"
    kept = crates / "chromex-boosting/tests/golden/xgboost_models"
    for name in [
        "0.90/linear.model",
        "0.90/dart.model",
        "1.7.6/names.model",
        "1.7.6/softprob.model",
        "1.0.2/linear.json",
        "2.1.4/names.json",
        "3.2.0/linear_pair.ubj",
        "3.2.0/missing.json",
        "3.2.0/names.ubj",
        "3.2.0/multi_output_tree.ubj",
        "3.4.1/dropout.ubj.gz",
        "3.4.1/quantiles_shared.json.gz",
        "3.4.1/linear_softprob.ubj.gz",
    ]:
        content = (kept / name).read_bytes()
        if name.endswith(".gz"):
            name, content = name[:-3], gzip.decompress(content)
        path("boosting", name.replace("/", "-")).write_bytes(content)
    faults = crates / "chromex-boosting/tests/faults/xgb_brace/old_brace.model"
    shutil.copyfile(faults, path("boosting", "old_brace.model"))
    kept = crates / "chromex-nn/tests/golden/tensor_files"
    for name in ["archive.bin", "legacy.bin", "module.pt", "nested.pt", "plain.safetensors"]:
        shutil.copyfile(kept / name, path("weights", name))
    kept = crates / "chromex-nn/tests/golden/odd_tensor_files"
    for name in ["odd.safetensors", "odd.pt", "odd_legacy.pt", "python2_1.pt", "python2_nested.pt", "python2_views.pt"]:
        shutil.copyfile(kept / name, path("weights", name))

    def sealed(name, model):
        """As `chromex_core::seal` writes it: the checksum of the file with zeros in its place."""
        zeros = "0" * 64
        text = '{"chromex_sha256":"' + zeros + '",' + json.dumps(model)[1:]
        write("boosting", name, text.replace(zeros, hashlib.sha256(text.encode()).hexdigest(), 1))

    linear = {"alpha": 0.5, "columns": 2, "coefficients": [[1.5, -2.0]], "intercepts": [0.25]}
    vectors = {"means": [0.0, 1.0], "scales": [1.0, 2.0], "vectors": [[0.5, -1.0], [2.0, 0.0], [1.0, 1.0]]}
    leaves = [{"leaf": {"value": value}} for value in (-0.5, 0.75)]
    split = {"split": {"column": 1, "threshold": 0.5, "left": 1, "right": 2}}
    trees = [{"level": 0.1, "trees": [[split, *leaves], leaves[:1]]}]
    sealed("linear.json", linear)
    sealed("vectors_linear.json", {"linear": linear})
    radial = {"gamma": 0.1, **vectors, "coefficients": [[1.0], [-1.0], [0.5]], "intercepts": [0.0]}
    sealed("vectors.json", {"radial": radial})
    sealed("gbdt.json", {"columns": 2, "shrinkage": 0.1, "logistic": True, "targets": trees})


def splits():
    parts = ["train", "valid", "test"]
    write("splits", "a.tsv", "gene\tpart\tcluster\n" + "".join(f"G{gene}\t{parts[gene % 3]}\t{gene // 2}\n" for gene in range(9)), packed=True)


alignments()
signals()
annotations()
sequences()
tables()
arrays()
tokenizers()
models()
splits()
