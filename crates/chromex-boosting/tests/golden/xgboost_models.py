"""Models that a version of XGBoost trained and stored, and what it predicts with them.

Writes xgboost_models/<version>/ beside itself: python xgboost_models.py
Run it under XGBoost 0.90, 1.0.2, 1.5.1, 1.7.6, 2.1.4 and 3.2.0, each of which stores models in another way.
"""

import json
import pathlib
import shutil
import warnings

import numpy

# Versions before 2 ask numpy for names that it has given up.
for name, kind in {"bool": bool, "float": float, "int": int, "object": object}.items():
    if name not in vars(numpy):
        setattr(numpy, name, kind)

import xgboost

warnings.simplefilter("ignore")
VERSION = tuple(int(part) for part in xgboost.__version__.split("."))
ROWS, UNSEEN, COLUMNS, ROUNDS = 60, 8, 5, 3
OLD = (0, 90)

random = numpy.random.default_rng(7)
inputs = random.normal(size=(ROWS + UNSEEN, COLUMNS)).astype(numpy.float32).round(2)
missing = inputs.copy()
missing[random.random(inputs.shape) < 0.2] = numpy.nan
signal = numpy.nan_to_num(missing) @ random.normal(size=COLUMNS) + 0.3 * random.normal(size=len(inputs))
TARGETS = {
    "real": signal,
    "pair": numpy.stack([signal, inputs[:, 0] ** 2], axis=1),
    "class": (signal > 0).astype(float),
    "classes": numpy.digitize(signal, [-1.0, 1.0]),
    "count": random.poisson(numpy.exp(numpy.clip(signal / 2, -2, 2))),
    "positive": numpy.exp(signal / 3),
}

# Name, first version, target, table, parameters, rounds.
CASES = [
    ("squared_error", OLD, "real", inputs, {"base_score": 0.5}, ROUNDS),
    ("mean_as_base_score", (3, 0), "real", inputs, {}, ROUNDS),
    ("absolute_error", (1, 7), "real", inputs, {"objective": "reg:absoluteerror"}, ROUNDS),
    ("quantiles", (2, 0), "real", inputs, {"objective": "reg:quantileerror", "quantile_alpha": [0.1, 0.5, 0.9]}, 2),
    ("logistic", OLD, "class", missing, {"objective": "binary:logistic", "base_score": 0.3, "scale_pos_weight": 2}, ROUNDS),
    ("logistic_raw", (3, 0), "class", missing, {"objective": "binary:logitraw"}, ROUNDS),
    ("hinge", (3, 0), "class", missing, {"objective": "binary:hinge"}, ROUNDS),
    ("softprob", OLD, "classes", missing, {"objective": "multi:softprob", "num_class": 3}, 2),
    ("softmax", (3, 0), "classes", missing, {"objective": "multi:softmax", "num_class": 3}, 2),
    ("poisson", OLD, "count", missing, {"objective": "count:poisson"}, ROUNDS),
    ("gamma", (3, 0), "positive", inputs, {"objective": "reg:gamma"}, ROUNDS),
    ("tweedie", (3, 0), "count", inputs, {"objective": "reg:tweedie", "tweedie_variance_power": 1.3}, ROUNDS),
    ("pseudo_huber", (3, 0), "real", inputs, {"objective": "reg:pseudohubererror"}, ROUNDS),
    ("missing", (1, 5), "real", missing, {}, ROUNDS),
    ("two_targets", (1, 7), "pair", missing, {}, 2),
    ("multi_output_tree", (2, 0), "pair", missing, {"multi_strategy": "multi_output_tree", "tree_method": "hist"}, ROUNDS),
    ("dart", OLD, "real", missing, {"booster": "dart", "rate_drop": 0.5, "one_drop": 1, "seed": 3}, 5),
    ("dart_of_classes", (3, 0), "classes", missing, {"booster": "dart", "rate_drop": 0.5, "one_drop": 1, "objective": "multi:softprob", "num_class": 3}, 3),
    ("linear", OLD, "real", missing, {"booster": "gblinear"}, ROUNDS),
    ("linear_logistic", (3, 0), "class", missing, {"booster": "gblinear", "objective": "binary:logistic"}, ROUNDS),
    ("linear_pair", (3, 0), "pair", missing, {"booster": "gblinear"}, ROUNDS),
    ("early_stopping", (1, 5), "real", inputs, {"eta": 1.0}, 30),
    ("names", (1, 5), "real", missing, {}, 1),
    ("loss_guided", (3, 0), "real", inputs, {"grow_policy": "lossguide", "max_leaves": 6, "max_depth": 0, "tree_method": "hist"}, ROUNDS),
    ("pruned", OLD, "real", missing, {"tree_method": "exact", "gamma": 3.0, "max_depth": 4}, ROUNDS),
    ("forest", (1, 5), "classes", inputs, {"objective": "multi:softprob", "num_class": 3, "num_parallel_tree": 2, "subsample": 0.7, "seed": 1}, 2),
    ("no_round", (3, 0), "class", inputs, {"objective": "binary:logistic", "base_score": 0.2}, 0),
    ("no_round_nor_base_score", (3, 0), "count", inputs, {"objective": "count:poisson"}, 0),
]
# Enough of the versions between the first and the last.
FEW = {"squared_error", "logistic", "softprob", "multi_output_tree", "poisson", "dart", "linear", "early_stopping", "names", "pruned", "forest"}


def numbers(table):
    """A table as lists, missing values as null."""
    table = table.reshape(len(table), -1)
    return [[None if numpy.isnan(value) else float(value) for value in row] for row in table]


def matrix(table, rows, label=None, **more):
    return xgboost.DMatrix(table[rows], label=None if label is None else label[rows], **more)


def train(name, target, table, settings, rounds):
    truth = TARGETS[target]
    train_rows, unseen = slice(0, ROWS), slice(ROWS, None)
    more = {"feature_names": ["H3K4me3 'é'", "H3K27ac", "a\\b", "x_3", "_"]} if name == "names" else {}
    data = matrix(table, train_rows, truth, **more)
    parameters = {"max_depth": 3, "nthread": 1, "eta": 0.3} | settings
    if name == "early_stopping":
        valid = matrix(table, unseen, truth)
        model = xgboost.train(parameters, data, rounds, evals=[(valid, "valid")], early_stopping_rounds=2, verbose_eval=False)
    else:
        model = xgboost.train(parameters, data, rounds)
    test = matrix(table, unseen, **more)
    until = {}
    if name == "early_stopping":
        until = {"iteration_range": (0, model.best_iteration + 1)}
    if VERSION < (1, 0) and name == "dart":
        # Else it drops trees when it predicts, too.
        until = {"ntree_limit": rounds}
    margins = model.predict(test, output_margin=True, **until)
    predicted = model.predict(test, **until)
    return model, numbers(margins), numbers(predicted)


folder = pathlib.Path(__file__).with_name("xgboost_models") / xgboost.__version__
shutil.rmtree(folder, ignore_errors=True)
folder.mkdir(parents=True)
cases = []
for name, since, target, table, settings, rounds in CASES:
    if VERSION < since or VERSION < (3, 0) and name not in FEW:
        continue
    model, margins, predicted = train(name, target, table, settings, rounds)
    files = []
    formats = ["json", "ubj"] if VERSION >= (3, 0) else ["json", "model"] if VERSION >= (1, 0) else ["model"]
    if name == "multi_output_tree" or VERSION == (1, 0, 2) or VERSION > (2, 0) and VERSION < (3, 0):
        formats.remove("model") if "model" in formats else None
    for ending in formats:
        path = folder / f"{name}.{ending}"
        model.save_model(str(path))
        files.append(path.name)
    cases.append(
        {
            "name": name,
            "files": files,
            "columns": "missing" if table is missing else "inputs",
            "margins": margins,
            "predicted": predicted,
        }
    )
golden = {
    "versions": {"xgboost": xgboost.__version__, "numpy": numpy.__version__},
    "inputs": numbers(inputs[ROWS:]),
    "missing": numbers(missing[ROWS:]),
    "cases": cases,
}
text = json.dumps(golden, separators=(",", ":"))
(folder / "cases.json").write_text(text.replace('{"name"', '\n{"name"') + "\n")
