"""Test losses and first trees of XGBoost on five real tables.

Writes real_tables.json beside itself: python real_tables.py FOLDER_OF_DATA
"""

import gzip
import json
import math
import pathlib
import sys

import numpy
import tokenizers
import xgboost
import zstandard

from boosted_trees import nodes

DATA = pathlib.Path(sys.argv[1])
METHODS = {"exact": {"tree_method": "exact"}, "hist": {"tree_method": "hist", "max_bin": 256}}
SETTINGS = {"eta": 0.3, "max_depth": 6, "reg_lambda": 1.0, "gamma": 0.0, "min_child_weight": 1.0}


def every_fifth(inputs, targets):
    """Every fifth row is a test row, from the fifth on."""
    test = numpy.arange(len(inputs)) % 5 == 4
    return (inputs[~test], targets[~test]), (inputs[test], targets[test])


def arabidopsis():
    path = DATA / "arabidopsis_marks_leaf/predict_matrix.tsv.gz"
    lines = gzip.open(path, "rt").read().splitlines()[1:]
    table = numpy.array([line.split("\t")[1:] for line in lines], dtype=numpy.float32)
    return every_fifth(table[:, :-1], table[:, -1])


def genegpt2():
    """Numbers of the tokens of both cells' sentences; tokens are those of the published corpus."""
    folder = DATA / "genegpt2/data"
    tokenizer = tokenizers.ByteLevelBPETokenizer()
    corpus = [str(folder / "trainValidCorpus.txt")]
    tokenizer.train(corpus, vocab_size=1000, min_frequency=2, special_tokens=["<|endoftext|>"])

    def part(name):
        cells = []
        for cell in ("C1", "C2"):
            lines = (folder / f"{cell}{name}.csv").read_text().splitlines()
            cells.append([tokenizer.encode(line).ids[:207] for line in lines])
        labels = (folder / f"C12{name}Diff.tsv").read_text().split()
        return numpy.hstack(cells).astype(numpy.float32), numpy.array(labels, dtype=numpy.float32)

    train, valid, test = (part(name) for name in ("Train", "Valid", "Test"))
    return tuple(numpy.concatenate(both) for both in zip(train, valid)), test


def x1():
    """Five marks in a hundred bins of each gene; whether it is expressed."""
    path = DATA / "ml4g_marks_cage/derived/X1.deepchrome.csv.zst"
    with zstandard.open(path, "rt") as file:
        table = numpy.array([line.split(",")[1:] for line in file], dtype=numpy.float32)
    table = table.reshape(-1, 100, 6)
    return every_fifth(table[:, :, :5].reshape(len(table), 500), table[:, 0, 5])


def libsvm(path, columns):
    """A table of `column:value`; what is not named is missing."""
    file = gzip.open(path, "rt") if path.suffix == ".gz" else open(path)
    lines = [line.split() for line in file]
    inputs = numpy.full((len(lines), columns), numpy.nan, dtype=numpy.float32)
    for row, line in enumerate(lines):
        for entry in line[1:]:
            column, value = entry.split(":")
            inputs[row, int(column)] = value
    return inputs, numpy.array([line[0] for line in lines], dtype=numpy.float32)


def agaricus():
    folder = DATA / "xgboost_models/xgboost_demo"
    return tuple(libsvm(folder / f"agaricus.txt.{part}.gz", 127) for part in ("train", "test"))


def machine():
    folder = DATA / "xgboost_models/gbdt-rs/xgb_reg_linear"
    return tuple(libsvm(folder / f"machine.txt.{part}", 36) for part in ("train", "test"))


TABLES = [
    ("arabidopsis marks", arabidopsis, "reg:squarederror", 100),
    ("genegpt2 tokens", genegpt2, "reg:squarederror", 100),
    ("x1 bins", x1, "binary:logistic", 20),
    ("agaricus", agaricus, "binary:logistic", 100),
    ("machine", machine, "reg:squarederror", 100),
]


def fit(name, train, test, objective, rounds, method):
    model = xgboost.train(
        SETTINGS | METHODS[method] | {"objective": objective, "nthread": 2},
        xgboost.DMatrix(train[0], label=train[1]),
        rounds,
    )
    predicted = model.predict(xgboost.DMatrix(test[0])).astype(numpy.float64)
    truth = test[1].astype(numpy.float64)
    if objective == "binary:logistic":
        loss = -numpy.mean(numpy.log(numpy.where(truth == 1.0, predicted, 1.0 - predicted)))
    else:
        loss = math.sqrt(numpy.mean((predicted - truth) ** 2))
    first = json.loads(model.save_raw("json"))["learner"]["gradient_booster"]["model"]["trees"][0]
    print(name, method, train[0].shape, test[0].shape, loss)
    return {
        "name": name,
        "settings": SETTINGS | METHODS[method] | {"rounds": rounds},
        "objective": objective,
        "rows": [len(train[0]), len(test[0])],
        "columns": train[0].shape[1],
        "loss": loss,
        "first_tree": nodes(first),
    }


if __name__ == "__main__":
    cases = []
    for name, read, objective, rounds in TABLES:
        train, test = read()
        cases += [fit(name, train, test, objective, rounds, method) for method in METHODS]
    versions = {library.__name__: library.__version__ for library in (xgboost, numpy, tokenizers)}
    text = json.dumps({"versions": versions, "cases": cases}, separators=(",", ":"))
    path = pathlib.Path(__file__).with_name("real_tables.json")
    path.write_text(text.replace('{"name"', '\n{"name"') + "\n")
