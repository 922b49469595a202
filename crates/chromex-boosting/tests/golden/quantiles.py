"""Histogram cuts of XGBoost's `hist` on columns drawn by formula.

Writes quantiles.json beside itself: python quantiles.py
The formulas are of whole numbers, so that the test draws the same columns to the bit and only cuts are stored.
"""

import json
import pathlib

import numpy
import xgboost

KINDS = [("bell", False), ("steep", False), ("counts", False), ("ties", False), ("missing", False)]
KINDS += [("bell", True), ("ties", True)]
# The numbers of bins for each number of rows.
SIZES = {50: [16, 64, 256], 400: [16, 64], 5_000: [16, 256], 33_557: [16, 64], 400_000: [16]}
# Of the most rows, the kinds that are also cut into the most bins.
WIDE = [("bell", False), ("missing", False), ("ties", True)]


def numbers(seed, count):
    """The high half of the numbers of a linear congruential generator."""
    drawn = numpy.empty(count, numpy.uint32)
    for place in range(count):
        seed = (seed * 6364136223846793005 + 1442695040888963407) % 2**64
        drawn[place] = seed >> 32
    return drawn


def column(kind, rows, seed):
    """Values and weights, seven numbers each."""
    drawn = numbers(seed, 7 * rows).reshape(rows, 7).astype(numpy.int64)
    bell = (drawn[:, :4] >> 12).sum(axis=1) - 2**21
    chance, empty, weight = drawn[:, 4], drawn[:, 5], drawn[:, 6]
    if kind == "bell":
        values = bell / 2**18
    elif kind == "steep":
        values = (0x3F800000 + 40 * bell).astype(numpy.uint32).view(numpy.float32)
    elif kind == "counts":
        values = numpy.bitwise_count(drawn[:, 0] & drawn[:, 1])
    elif kind == "ties":
        values = numpy.where(chance % 5 < 3, 0, (bell >> 14) / 4)
    elif kind == "missing":
        values = numpy.where(chance % 4 == 0, numpy.nan, bell / 2**18)
    weights = numpy.where(empty % 8 == 0, 0, (weight >> 8) / 2**20)
    return values.astype(numpy.float32), weights.astype(numpy.float32)


def cut(values, weights, max_bin):
    """What training on a plain DMatrix cuts a column at."""
    table = xgboost.DMatrix(values[:, None], label=numpy.arange(len(values)) % 2, weight=weights)
    settings = {"tree_method": "hist", "max_bin": max_bin, "max_depth": 1, "nthread": 1}
    xgboost.train(settings, table, 1)
    below, *ends = table.get_quantile_cut()[1].astype(numpy.float32)
    # Of a number of 32 bits its shortest digits.
    shortest = lambda number: float(str(number))
    return {"max_bin": max_bin, "below": shortest(below), "ends": [shortest(end) for end in ends]}


columns = []
for rows, bins in SIZES.items():
    for kind in KINDS:
        name, weighted = kind
        seed = len(columns)
        values, weights = column(name, rows, seed)
        most = [256] if rows == max(SIZES) and kind in WIDE else []
        cuts = [cut(values, weights if weighted else None, max_bin) for max_bin in bins + most]
        columns.append({"kind": name, "weighted": weighted, "rows": rows, "seed": seed, "cuts": cuts})

versions = {"xgboost": xgboost.__version__, "numpy": numpy.__version__}
golden = {"versions": versions, "columns": columns}
path = pathlib.Path(__file__).with_name("quantiles.json")
path.write_text(json.dumps(golden, separators=(",", ":")).replace('{"kind"', '\n{"kind"') + "\n")
