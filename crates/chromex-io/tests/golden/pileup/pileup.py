"""Piles up the fragments of real tags by `macs3 pileup --extsize`, and adds them up over bins of chromosome 22.

Depth times bases is a whole number per bin, so that a digest of all bins (little-endian u32) says whether another count is the
same. Needs macs3 in the path and the folder that CHROMEX_DATA names.

    python pileup.py
"""

import hashlib
import json
import os
import subprocess
import tempfile

LENGTH, WIDTH = 51_304_000, 1_000
FILES = ["CTCF_SE_ChIP_chr22_50k.bed.gz", "CTCF_SE_CTRL_chr22_50k.bed.gz"]


def pile_up(path, extend):
    with tempfile.TemporaryDirectory() as folder:
        command = ["macs3", "pileup", "-i", path, "-f", "BED", "--extsize", str(extend), "-o", "out.bdg", "--outdir", folder]
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
        bins = [0] * (LENGTH // WIDTH)
        for line in open(os.path.join(folder, "out.bdg")):
            chromosome, start, end, depth = line.split()
            assert chromosome == "chr22"
            depth = round(float(depth))
            start, end = int(start), min(int(end), LENGTH)
            while depth and start < end:
                to = min(end, (start // WIDTH + 1) * WIDTH)
                bins[start // WIDTH] += depth * (to - start)
                start = to
    return bins


def main():
    data = os.path.join(os.environ["CHROMEX_DATA"], "macs3_chr22")
    version = subprocess.run(["macs3", "--version"], capture_output=True, text=True).stdout.split()[-1]
    cases = []
    for file in FILES:
        for extend in (147, 200):
            bins = pile_up(os.path.join(data, file), extend)
            digest = hashlib.sha256(b"".join(value.to_bytes(4, "little") for value in bins))
            cases.append({"file": file, "extend": extend, "sum": sum(bins), "sha256": digest.hexdigest()})
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "pileup.json"), "w") as out:
        json.dump({"macs3": version, "bins": LENGTH // WIDTH, "width": WIDTH, "cases": cases}, out, indent=1)
        out.write("\n")


main()
