"""Contributions, interactions, importances and dumps of XGBoost on small models drawn by seed.

Writes explanations.json beside itself: python explanations.py
"""

import json
import pathlib

import numpy
import xgboost

ROWS, EXPLAINED = 150, 6


def continuous(random, columns):
    return random.normal(size=(ROWS, columns))


def missing(random, columns):
    table = random.normal(size=(ROWS, columns)).round(1)
    table[random.random(table.shape) < 0.3] = numpy.nan
    return table


def counts(random, columns):
    return random.poisson(2, size=(ROWS, columns)).astype(float)


CASES = [
    ("squared error", continuous, 5, 1, {"objective": "reg:squarederror", "max_depth": 4}, 8),
    ("missing values, columns repeated", missing, 3, 1, {"objective": "reg:squarederror", "max_depth": 7}, 4),
    ("logistic", missing, 6, 1, {"objective": "binary:logistic", "max_depth": 5}, 6),
    ("three classes", counts, 4, 1, {"objective": "multi:softprob", "num_class": 3, "max_depth": 3}, 4),
    ("two targets", continuous, 4, 2, {"objective": "reg:squarederror", "max_depth": 3}, 4),
    ("poisson, loss-guided", counts, 5, 1, {"objective": "count:poisson", "grow_policy": "lossguide", "max_leaves": 9, "max_depth": 0}, 5),
    ("deep", continuous, 14, 1, {"objective": "reg:squarederror", "max_depth": 12, "min_child_weight": 0, "colsample_bynode": 0.3}, 2),
    ("leaves without splits", continuous, 2, 1, {"objective": "reg:squarederror", "gamma": 1e6}, 2),
    ("two targets in each leaf", continuous, 4, 2, {"objective": "reg:squarederror", "max_depth": 3, "multi_strategy": "multi_output_tree"}, 3),
]


def numbers(table):
    """A table as nested lists, missing values as null."""
    if isinstance(table, numpy.ndarray) and table.ndim:
        return [numbers(part) for part in table]
    return None if numpy.isnan(table) else float(table)


def draw(case, seed):
    name, table, columns, targets, settings, rounds = case
    random = numpy.random.default_rng(seed)
    inputs = table(random, columns).astype(numpy.float32)
    filled = numpy.nan_to_num(inputs, nan=-1.0)
    truth = numpy.sin(filled @ random.normal(size=(columns, targets))) + filled[:, :1] * filled[:, 1:2]
    if settings["objective"] == "binary:logistic":
        truth = (truth > 0).astype(float)
    if settings["objective"] == "multi:softprob":
        truth = numpy.digitize(truth, [0, 2]).astype(float)
    if settings["objective"] == "count:poisson":
        truth = numpy.floor(abs(truth))
    model = xgboost.train(
        {"tree_method": "hist", "nthread": 1, "seed": seed} | settings, xgboost.DMatrix(inputs, label=truth), rounds
    )
    explained = xgboost.DMatrix(inputs[:EXPLAINED])
    case = {
        "name": name,
        "model": json.loads(model.save_raw("json")),
        "inputs": numbers(inputs[:EXPLAINED]),
        "margins": numbers(model.predict(explained, output_margin=True).reshape(EXPLAINED, -1)),
        "scores": {
            kind: model.get_score(importance_type=kind)
            for kind in ["weight", "gain", "total_gain", "cover", "total_cover"]
        },
    }
    if settings.get("multi_strategy") == "multi_output_tree":
        # XGBoost 3.2 does not explain these.
        return case
    contributions = model.predict(explained, pred_contribs=True)
    interactions = model.predict(explained, pred_interactions=True)
    outputs = len(case["margins"][0])
    return case | {
        "contributions": numbers(contributions.reshape(EXPLAINED, outputs, columns + 1)),
        "interactions": numbers(interactions.reshape(EXPLAINED, outputs, columns + 1, columns + 1)),
        "dump": model.get_dump(with_stats=True),
    }


golden = {
    "versions": {"xgboost": xgboost.__version__, "numpy": numpy.__version__},
    "cases": [draw(case, seed) for seed, case in enumerate(CASES)],
}
path = pathlib.Path(__file__).with_name("explanations.json")
path.write_text(json.dumps(golden, separators=(",", ":")).replace('{"name"', '\n{"name"') + "\n")
