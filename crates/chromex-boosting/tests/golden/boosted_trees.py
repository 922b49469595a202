"""Predictions and first trees of XGBoost on small tables that a formula gives.

Writes boosted_trees.json beside itself: python boosted_trees.py
"""

import json
import pathlib

import numpy
import xgboost

ROUNDS, ROWS, UNSEEN = 20, 60, 20
EXACT = {"tree_method": "exact"}
HISTOGRAM = {"tree_method": "hist", "max_bin": 256}
COARSE = {"tree_method": "hist", "max_bin": 16}
DEFAULTS = {"eta": 0.3, "max_depth": 6, "reg_lambda": 1.0, "gamma": 0.0, "min_child_weight": 1.0, "base_score": 0.5}
ESTIMATED = {"base_score": None}
STRATEGIES = {"trees of one output": {}, "trees of all outputs": {"multi_strategy": "multi_output_tree"}}
LOSSES = {
    "reg:squarederror": {"eta": 0.2},
    "reg:absoluteerror": {"max_depth": 4},
    "binary:logistic": {"min_child_weight": 2.5},
    "multi:softprob": {"num_class": 3, "max_depth": 4},
    "count:poisson": {"max_depth": 4},
}


def mixed(seed, row, column):
    """Whole numbers below 2**32 that look random; `row` and `column` may be arrays."""
    wrap = numpy.uint64(2**32 - 1)
    row, column = (numpy.asarray(value, dtype=numpy.uint64) for value in (row, column))
    value = (row * numpy.uint64(2_654_435_761) + column * numpy.uint64(40_503) + numpy.uint64(seed * 97)) & wrap
    for shift, factor in [(15, 2_246_822_519), (13, 3_266_489_917)]:
        value ^= value >> numpy.uint64(shift)
        value = (value * numpy.uint64(factor)) & wrap
    return (value ^ (value >> numpy.uint64(16))).astype(numpy.int64)


def table(kind, seed, rows):
    """The inputs of a kind of table, `[rows, 6]`."""
    row, column = numpy.indices((rows, 6))
    draw = mixed(seed, row, column)
    if kind == "ties":
        inputs = draw % 4.0
        inputs[:, 2] = inputs[:, 0]
    elif kind == "counts":
        inputs = draw % 9 * (draw // 16 % 2.0)
    else:
        inputs = draw % 1_000_003 / 1_000_003.0 * 4.0 - 2.0
    if kind == "constant":
        inputs = numpy.floor(inputs * 10.0)
        inputs[:, 0] = 3.0
        inputs[:, 3] = numpy.nan
    if kind == "missing":
        inputs[:, 4:] = draw[:, 4:] % 3
        inputs[:, 1] = 7.0
        inputs[mixed(seed, row, column + 100) % 4 == 0] = numpy.nan
    return inputs.astype(numpy.float32)


def signal(inputs, seed, targets):
    """What the targets are made of, `[rows, targets]`."""
    values = numpy.where(numpy.isnan(inputs), -1.0, inputs).astype(numpy.float64)
    rows = numpy.arange(len(inputs))
    columns = []
    for target in range(targets):
        one, other, third = (values[:, (target + step) % 6] for step in (0, 4, 5))
        noise = mixed(seed, rows, 200 + target) % 1001 / 1000.0 - 0.5
        columns.append(one + other * third + noise)
    return numpy.stack(columns, axis=1)


def truth(signal, objective, middle):
    """The targets that an objective is defined for."""
    if objective == "binary:logistic":
        signal = signal > middle
    elif objective == "multi:softprob":
        signal = numpy.floor(numpy.abs(signal) * 2.0) % 3
    elif objective == "count:poisson":
        signal = numpy.floor(numpy.abs(signal) * 2.0)
    return signal.astype(numpy.float32)


def weights(seed, rows):
    return (mixed(seed, numpy.arange(rows), 300) % 1000 / 1000.0 + 0.3).astype(numpy.float32)


def nodes(tree):
    """The nodes level by level, since pruned ones leave holes in XGBoost's numbers.

    A split is column, threshold, whether missing values go left, change of loss and cover; a leaf its values and cover.
    """
    order, found = [0], []
    size = max(1, int(tree["tree_param"]["size_leaf_vector"]))
    for node in order:
        left, right = tree["left_children"][node], tree["right_children"][node]
        value, cover = tree["split_conditions"][node], tree["sum_hessian"][node]
        if left == -1:
            leaf = [value] if size == 1 else tree["leaf_weights"][right * size : (right + 1) * size]
            found.append([leaf, cover])
        else:
            missing_left, change = bool(tree["default_left"][node]), tree["loss_changes"][node]
            found.append([tree["split_indices"][node], value, missing_left, change, cover])
            order += [left, right]
    return found


def fit(seed, name, kind, settings, objective="reg:squarederror", targets=1, weighted=False, rows=ROWS, stop=None):
    inputs = table(kind, seed, rows + UNSEEN)
    values = signal(inputs, seed, targets)
    middle = float(numpy.median(values[:rows]))
    labels = truth(values, objective, middle)
    weight = weights(seed, len(inputs)) if weighted else numpy.ones(len(inputs), numpy.float32)
    part = lambda rows: xgboost.DMatrix(
        inputs[rows], label=labels[rows], weight=weight[rows] if weighted else None
    )
    settings = DEFAULTS | settings
    parameters = {key: value for key, value in settings.items() if value is not None}
    if "monotone_constraints" in parameters:
        parameters["monotone_constraints"] = tuple(parameters["monotone_constraints"])
    train, unseen = part(slice(rows)), part(slice(rows, None))
    rounds = 100 if stop else ROUNDS
    model = xgboost.train(
        parameters | {"objective": objective, "nthread": 1},
        train,
        rounds,
        evals=[(unseen, "valid")] if stop else [],
        early_stopping_rounds=stop,
        verbose_eval=False,
    )
    best = model.best_iteration if stop else rounds - 1
    model = model[: best + 1]
    predicted = model.predict(xgboost.DMatrix(inputs[-2 * UNSEEN :])).reshape(2 * UNSEEN, -1)
    first = json.loads(model.save_raw("json"))["learner"]["gradient_booster"]["model"]["trees"][0]
    return {
        "name": name,
        "objective": objective,
        "settings": settings | {"rounds": rounds, "early_stopping_rounds": stop},
        "table": {"kind": kind, "seed": seed, "training_rows": rows, "rows": rows + UNSEEN},
        "targets": targets,
        "middle": middle,
        "weighted": weighted,
        "best_round": best,
        "predicted": [[float(f"{value:.8g}") for value in row] for row in predicted.tolist()],
        "first_tree": nodes(first),
    }


def cases():
    """Names, tables and settings."""
    yield "continuous values, stumps", "continuous", EXACT | {"max_depth": 1, "eta": 0.1}, {}
    yield "ties, heavy penalty", "ties", EXACT | {"reg_lambda": 10.0, "min_child_weight": 4.5}, {}
    yield "missing values, pruned", "missing", EXACT | {"gamma": 0.8, "max_depth": 4}, {}
    yield "missing values, gamma", "missing", HISTOGRAM | {"gamma": 0.8}, {}
    yield "counts, no penalty", "counts", EXACT | {"reg_lambda": 0.0, "max_depth": 9}, {}
    yield "counts, heavy children", "counts", HISTOGRAM | {"min_child_weight": 3.0}, {"targets": 2}
    for method in (EXACT, HISTOGRAM, COARSE):
        named = f"{method['tree_method']}, {method.get('max_bin', 'all')} bins"
        for kind in ("continuous", "ties", "missing", "constant", "counts"):
            yield f"{kind} by {named}", kind, method, {}
        yield f"two targets by {named}", "continuous", method | {"max_depth": 3} | ESTIMATED, {"targets": 2}
        for objective, settings in LOSSES.items():
            of = {"objective": objective}
            yield f"{objective} by {named}", "continuous", method | settings, of
            yield f"{objective} by {named}, estimated", "missing", method | settings | ESTIMATED, of
            many = of | {"weighted": True, "rows": 420}
            yield f"{objective} by {named}, weighted", "missing", method | settings | ESTIMATED, many
        for name, settings in {
            "reg_alpha": {"reg_alpha": 1.5},
            "reg_alpha and gamma": {"reg_alpha": 0.7, "gamma": 0.4},
            "max_delta_step": {"max_delta_step": 0.4},
            "max_delta_step and reg_alpha": {"max_delta_step": 0.4, "reg_alpha": 0.7},
            "rising and falling": {"monotone_constraints": [1, -1, 0, 0, 1, -1]},
            "rising, held back": {"monotone_constraints": [1, 0, 0, 0, -1, 1], "max_delta_step": 0.5, "reg_alpha": 0.2},
        }.items():
            for kind in ("continuous", "missing"):
                yield f"{name}, {kind} by {named}", kind, method | settings | {"max_depth": 4}, {"rows": 120}
        binary = {"objective": "binary:logistic", "rows": 200}
        bound = {"monotone_constraints": [1, -1, 0, 0, 1, -1], "min_child_weight": 0.5}
        yield f"rising and falling chances by {named}", "missing", method | bound | ESTIMATED, binary
        steps = {"max_delta_step": 0.3, "max_depth": 3}
        yield f"counts in short steps by {named}", "counts", method | steps, {"objective": "count:poisson"}
        for objective, settings in LOSSES.items():
            of = {"objective": objective, "rows": 150, "stop": 5}
            shallow = settings | {"max_depth": 3} | ESTIMATED
            yield f"{objective} stopped early by {named}", "continuous", method | shallow, of
    guided = {"grow_policy": "lossguide"}
    for method in (HISTOGRAM, COARSE):
        named = f"{method['max_bin']} bins"
        for name, settings in {
            "best first, 7 leaves": guided | {"max_leaves": 7},
            "best first, 9 leaves at any depth": guided | {"max_leaves": 9, "max_depth": 0},
            "best first, at any depth, gamma": guided | {"max_depth": 0, "gamma": 0.5},
            "best first, depth 3": guided | {"max_depth": 3},
            "level by level, 7 leaves": {"max_leaves": 7},
            "level by level, 11 leaves at any depth": {"max_leaves": 11, "max_depth": 0},
        }.items():
            for kind in ("continuous", "missing"):
                yield f"{name}, {kind} by {named}", kind, method | settings, {"rows": 200}
    for method in (HISTOGRAM, COARSE):
        for name, strategy in STRATEGIES.items():
            for targets in (2, 3):
                for kind in ("continuous", "missing"):
                    full = f"{name}, {targets} targets, {kind} by {method['max_bin']} bins"
                    settings = method | strategy | {"max_depth": 4} | ESTIMATED
                    yield full, kind, settings, {"targets": targets, "rows": 200}
        together = STRATEGIES["trees of all outputs"]
        for name, settings, of in [
            ("of classes", LOSSES["multi:softprob"] | ESTIMATED, {"objective": "multi:softprob"}),
            ("of absolute errors", {"max_depth": 3} | ESTIMATED, {"objective": "reg:absoluteerror", "targets": 2}),
            ("of rates", {"max_depth": 3} | ESTIMATED, {"objective": "count:poisson", "targets": 2}),
            ("of chances", {"max_depth": 3} | ESTIMATED, {"objective": "binary:logistic", "targets": 2}),
            ("held back", {"max_delta_step": 0.3, "reg_alpha": 0.4, "gamma": 0.3}, {"targets": 2}),
            ("with heavy children", {"min_child_weight": 9.0, "max_depth": 4}, {"targets": 2}),
            ("with weights", {"max_depth": 4} | ESTIMATED, {"targets": 3, "weighted": True}),
            ("best first", guided | {"max_leaves": 6, "max_depth": 0}, {"targets": 2}),
        ]:
            full = f"trees of all outputs {name}, {method['max_bin']} bins"
            yield full, "missing", method | together | settings, {"rows": 200} | of
    # Where 32-bit sums over many rows, and the side of the row in the middle, show in the trees.
    for method in (EXACT, HISTOGRAM):
        named = f"{method['tree_method']}"
        many = {"rows": 3000, "weighted": True}
        of_classes = {"num_class": 3, "reg_alpha": 4.0, "reg_lambda": 0.1, "max_depth": 2}
        full = f"classes of many rows by {named}"
        yield full, "constant", method | of_classes | ESTIMATED, many | {"objective": "multi:softprob"}
        rates = {"max_delta_step": 1.0, "max_depth": 3}
        yield f"rates of many rows by {named}", "counts", method | rates, many | {"objective": "count:poisson"}
        about = {"objective": "reg:absoluteerror", "weighted": True, "rows": 30}
        for targets in (1, 2, 3):
            full = f"{targets} medians of weighted rows by {named}"
            yield full, "ties", method | {"max_depth": 2} | ESTIMATED, about | {"targets": targets}


if __name__ == "__main__":
    golden = {
        "versions": {"xgboost": xgboost.__version__, "numpy": numpy.__version__},
        "cases": [
            fit(seed, name, kind, settings, **more) for seed, (name, kind, settings, more) in enumerate(cases())
        ],
    }
    path = pathlib.Path(__file__).with_name("boosted_trees.json")
    path.write_text(json.dumps(golden, separators=(",", ":")).replace('{"name"', '\n{"name"') + "\n")
