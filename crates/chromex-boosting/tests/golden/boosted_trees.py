"""Predictions and first trees of XGBoost on small tables drawn by seed.

Writes boosted_trees.json beside itself: python boosted_trees.py
"""

import json
import pathlib

import numpy
import xgboost

ROWS, UNSEEN = 60, 20


def continuous(random, rows):
    return random.normal(size=(rows, 6))


def ties(random, rows):
    table = random.integers(0, 4, size=(rows, 6)).astype(float)
    table[:, 2] = table[:, 0]
    return table


def missing(random, rows):
    table = numpy.hstack([random.normal(size=(rows, 4)), random.integers(0, 3, size=(rows, 2))])
    table[random.random(table.shape) < 0.25] = numpy.nan
    table[:, 1] = numpy.where(numpy.isnan(table[:, 1]), numpy.nan, 7)
    return table


def constant(random, rows):
    table = random.normal(size=(rows, 5)).round(1)
    table[:, 0] = 3
    table[:, 3] = numpy.nan
    return table


def counts(random, rows):
    return random.poisson(2, size=(rows, 8)).astype(float)


EXACT = {"tree_method": "exact"}
HISTOGRAM = {"tree_method": "hist", "max_bin": 256}
CASES = [
    ("continuous values", continuous, 1, EXACT | {}),
    ("continuous values, stumps", continuous, 1, EXACT | {"max_depth": 1, "eta": 0.1}),
    ("continuous values, two targets", continuous, 2, EXACT | {"max_depth": 3}),
    ("ties and a duplicate column", ties, 1, EXACT | {}),
    ("ties, heavy penalty", ties, 1, EXACT | {"reg_lambda": 10.0, "min_child_weight": 4.5}),
    ("missing values", missing, 1, EXACT | {}),
    ("missing values, pruned", missing, 1, EXACT | {"gamma": 0.8, "max_depth": 4}),
    ("constant columns", constant, 1, EXACT | {"max_depth": 3}),
    ("counts, no penalty", counts, 1, EXACT | {"reg_lambda": 0.0, "max_depth": 9}),
    ("continuous values by histogram", continuous, 1, HISTOGRAM | {}),
    ("ties by histogram", ties, 1, HISTOGRAM | {"max_depth": 4}),
    ("missing values by histogram", missing, 1, HISTOGRAM | {}),
    ("missing values by histogram, pruned", missing, 1, HISTOGRAM | {"gamma": 0.8}),
    ("counts by histogram", counts, 2, HISTOGRAM | {"min_child_weight": 3.0}),
]
DEFAULTS = {
    "eta": 0.3,
    "max_depth": 6,
    "reg_lambda": 1.0,
    "gamma": 0.0,
    "min_child_weight": 1.0,
    "base_score": 0.5,
}


def numbers(table):
    """A table as lists, missing values as null."""
    return [[None if numpy.isnan(value) else float(value) for value in row] for row in table]


def draw(case, seed):
    name, table, targets, settings = case
    random = numpy.random.default_rng(seed)
    inputs = table(random, ROWS + UNSEEN).astype(numpy.float32)
    filled = numpy.nan_to_num(inputs, nan=-1.0)
    weights = random.normal(size=(inputs.shape[1], targets))
    truth = numpy.sin(filled @ weights) + 0.5 * filled[:, :1] + 0.2 * random.normal(size=(len(inputs), targets))
    truth = truth.astype(numpy.float32)
    rounds = 20
    model = xgboost.train(
        DEFAULTS | settings | {"objective": "reg:squarederror", "nthread": 1},
        xgboost.DMatrix(inputs[:ROWS], label=truth[:ROWS]),
        rounds,
    )
    predicted = model.predict(xgboost.DMatrix(inputs)).reshape(len(inputs), targets)
    first = json.loads(model.save_raw("json"))["learner"]["gradient_booster"]["model"]["trees"][0]
    # Walk level by level, since pruned nodes leave holes in XGBoost's numbers.
    order, tree = [0], []
    for node in order:
        left, right = first["left_children"][node], first["right_children"][node]
        value = first["split_conditions"][node]
        rows = int(first["sum_hessian"][node])
        if left == -1:
            tree.append({"value": value, "rows": rows})
            continue
        tree.append(
            {
                "column": first["split_indices"][node],
                "threshold": value,
                "missing_left": bool(first["default_left"][node]),
                "loss_change": first["loss_changes"][node],
                "rows": rows,
            }
        )
        order += [left, right]
    return {
        "name": name,
        "settings": DEFAULTS | settings | {"rounds": rounds},
        "training_rows": ROWS,
        "inputs": numbers(inputs),
        "targets": truth[:ROWS].tolist(),
        "predicted": predicted.tolist(),
        "first_tree": tree,
    }


golden = {
    "versions": {"xgboost": xgboost.__version__, "numpy": numpy.__version__},
    "cases": [draw(case, seed) for seed, case in enumerate(CASES)],
}
path = pathlib.Path(__file__).with_name("boosted_trees.json")
path.write_text(json.dumps(golden, separators=(",", ":")).replace('{"name"', '\n{"name"') + "\n")
