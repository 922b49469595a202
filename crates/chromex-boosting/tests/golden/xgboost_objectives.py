"""Models of XGBoost 3.4 over its objectives and boosters, what it predicts with them, and those that must be refused.

Writes xgboost_models/<version>/ beside itself, as xgboost_models.py does, if FOLDER is not given: python xgboost_objectives.py [FOLDER [SEEDS]]
With SEEDS every case is trained so often, on other tables, with more and deeper trees; those are not kept in the repository.
Needs XGBoost 3.4.1 and Python 3.12 or later.
"""

import gzip
import json
import pathlib
import shutil
import sys
import warnings

import numpy
import xgboost

warnings.simplefilter("ignore")
xgboost.set_config(verbosity=0)
SEEDS = int(sys.argv[2]) if len(sys.argv) > 2 else 0
ROWS, UNSEEN, COLUMNS = 80, 6, 4

TREES = {"max_depth": 2, "eta": 0.5}
HIST = TREES | {"tree_method": "hist"}
SHARED = HIST | {"multi_strategy": "multi_output_tree"}
LINEAR = {"booster": "gblinear"}
DART = TREES | {"booster": "dart", "rate_drop": 0.6, "one_drop": 1, "seed": 3}
DROPOUT = HIST | {"rate_drop": 0.6, "one_drop": 1, "seed": 4}
QUANTILES = {"objective": "reg:quantileerror", "quantile_alpha": [0.1, 0.3, 0.5, 0.9], "eta": 1.0}

# Name, target, table, parameters, rounds.
CASES = [
    ("squared_error", "real", "plain", TREES, 3),
    ("squared_error_exact", "real", "missing", TREES | {"tree_method": "exact"}, 2),
    ("squared_error_approx", "real", "missing", TREES | {"tree_method": "approx"}, 2),
    ("squared_error_base_score", "real", "missing", TREES | {"base_score": -1.5}, 2),
    ("squared_log_error", "positive", "missing", TREES | {"objective": "reg:squaredlogerror"}, 2),
    ("reg_logistic", "share", "missing", TREES | {"objective": "reg:logistic"}, 2),
    ("reg_linear", "real", "missing", TREES | {"objective": "reg:linear"}, 2),
    ("pseudo_huber", "real", "missing", TREES | {"objective": "reg:pseudohubererror", "huber_slope": 0.7}, 2),
    ("absolute_error", "real", "missing", HIST | {"objective": "reg:absoluteerror"}, 2),
    ("gamma", "positive", "missing", TREES | {"objective": "reg:gamma"}, 2),
    ("gamma_base_score", "positive", "missing", TREES | {"objective": "reg:gamma", "base_score": 2.5}, 2),
    ("tweedie", "count", "missing", TREES | {"objective": "reg:tweedie", "tweedie_variance_power": 1.2}, 2),
    ("poisson", "count", "missing", TREES | {"objective": "count:poisson"}, 2),
    ("poisson_base_score", "count", "missing", TREES | {"objective": "count:poisson", "base_score": 3}, 2),
    ("logistic", "class", "missing", TREES | {"objective": "binary:logistic"}, 2),
    ("logistic_base_score", "class", "missing", TREES | {"objective": "binary:logistic", "base_score": 0.2, "scale_pos_weight": 3}, 2),
    ("logistic_one_class", "ones", "plain", TREES | {"objective": "binary:logistic"}, 2),
    ("logit_raw", "class", "missing", TREES | {"objective": "binary:logitraw"}, 2),
    ("hinge", "class", "missing", TREES | {"objective": "binary:hinge"}, 2),
    ("softprob", "classes", "missing", TREES | {"objective": "multi:softprob", "num_class": 3}, 2),
    ("softmax", "classes", "missing", TREES | {"objective": "multi:softmax", "num_class": 3}, 2),
    ("softprob_base_score", "classes", "missing", TREES | {"objective": "multi:softprob", "num_class": 3, "base_score": 0.4}, 1),
    ("softprob_of_two", "class", "missing", TREES | {"objective": "multi:softprob", "num_class": 2}, 2),
    ("softprob_of_one", "zeros", "plain", TREES | {"objective": "multi:softprob", "num_class": 1}, 1),
    ("softprob_shared", "classes", "missing", SHARED | {"objective": "multi:softprob", "num_class": 3}, 2),
    ("softmax_shared", "classes", "missing", SHARED | {"objective": "multi:softmax", "num_class": 3}, 2),
    ("cox", "survival", "missing", TREES | {"objective": "survival:cox"}, 2),
    ("aft_normal", "interval", "missing", TREES | {"objective": "survival:aft", "aft_loss_distribution": "normal"}, 2),
    ("aft_extreme", "interval", "missing", TREES | {"objective": "survival:aft", "aft_loss_distribution": "extreme", "aft_loss_distribution_scale": 0.8}, 2),
    ("aft_logistic", "interval", "missing", TREES | {"objective": "survival:aft", "aft_loss_distribution": "logistic", "base_score": 2.0}, 2),
    ("rank_pairwise", "rank", "missing", TREES | {"objective": "rank:pairwise"}, 2),
    ("rank_ndcg", "rank", "missing", TREES | {"objective": "rank:ndcg"}, 2),
    ("rank_ndcg_unbiased", "rank", "missing", TREES | {"objective": "rank:ndcg", "lambdarank_unbiased": True, "lambdarank_pair_method": "topk"}, 2),
    ("rank_map", "binary_rank", "missing", TREES | {"objective": "rank:map"}, 2),
    ("one_quantile", "real", "missing", HIST | {"objective": "reg:quantileerror", "quantile_alpha": 0.8}, 2),
    ("quantiles", "real", "missing", HIST | QUANTILES, 4),
    ("quantiles_shared", "real", "missing", SHARED | QUANTILES, 4),
    ("quantiles_dropout", "real", "missing", DROPOUT | QUANTILES, 3),
    ("quantiles_early", "real", "missing", HIST | QUANTILES, "early"),
    ("quantiles_linear", "real", "missing", LINEAR | QUANTILES, 3),
    ("two_targets", "pair", "missing", TREES, 2),
    ("two_targets_shared", "pair", "missing", SHARED, 2),
    ("two_targets_absolute", "pair", "missing", HIST | {"objective": "reg:absoluteerror"}, 2),
    ("two_targets_absolute_shared", "pair", "missing", SHARED | {"objective": "reg:absoluteerror"}, 2),
    ("two_targets_logistic", "class_pair", "missing", TREES | {"objective": "binary:logistic"}, 2),
    ("two_targets_logistic_shared", "class_pair", "missing", SHARED | {"objective": "binary:logistic"}, 2),
    ("two_targets_base_score", "pair", "missing", TREES | {"base_score": 0.25}, 1),
    ("two_targets_forest", "pair", "missing", HIST | {"num_parallel_tree": 2, "subsample": 0.6, "seed": 2}, 2),
    ("dart", "real", "missing", DART, 6),
    ("dart_forest_of_trees", "real", "missing", DART | {"normalize_type": "forest", "sample_type": "weighted"}, 5),
    ("dart_logistic", "class", "missing", DART | {"objective": "binary:logistic"}, 4),
    ("dart_of_classes", "classes", "missing", DART | {"objective": "multi:softprob", "num_class": 3}, 3),
    ("dart_poisson", "count", "missing", DART | {"objective": "count:poisson"}, 4),
    ("dropout", "real", "missing", DROPOUT, 6),
    ("dropout_parallel", "real", "missing", DROPOUT | {"num_parallel_tree": 2, "subsample": 0.6}, 3),
    ("dropout_two_targets", "pair", "missing", DROPOUT, 4),
    ("dropout_shared", "pair", "missing", DROPOUT | SHARED, 4),
    ("dropout_early", "real", "plain", DROPOUT, "early"),
    ("dropout_slice", "real", "missing", DROPOUT, "slice"),
    ("linear", "real", "missing", LINEAR, 3),
    ("linear_logistic", "class", "missing", LINEAR | {"objective": "binary:logistic"}, 3),
    ("linear_poisson", "count", "missing", LINEAR | {"objective": "count:poisson"}, 3),
    ("linear_softprob", "classes", "missing", LINEAR | {"objective": "multi:softprob", "num_class": 3}, 3),
    ("linear_two_targets", "pair", "missing", LINEAR | {"updater": "coord_descent"}, 3),
    ("linear_logistic_pair", "class_pair", "missing", LINEAR | {"objective": "binary:logistic"}, 3),
    ("forest", "real", "missing", HIST | {"num_parallel_tree": 3, "subsample": 0.5, "colsample_bynode": 0.6, "eta": 1.0}, 1),
    ("forest_of_classes", "classes", "missing", TREES | {"objective": "multi:softprob", "num_class": 3, "num_parallel_tree": 2, "subsample": 0.6}, 1),
    ("loss_guided", "real", "missing", HIST | {"grow_policy": "lossguide", "max_leaves": 5, "max_depth": 0}, 2),
    ("pruned", "real", "missing", TREES | {"tree_method": "exact", "gamma": 4.0, "max_depth": 4}, 2),
    ("early_stopping", "real", "plain", TREES | {"eta": 1.0}, "early"),
    ("slice", "real", "missing", TREES, "slice"),
    ("slice_of_classes", "classes", "missing", TREES | {"objective": "multi:softprob", "num_class": 3}, "slice"),
    ("continued", "real", "missing", TREES, "continued"),
    ("refreshed", "real", "missing", TREES, "refreshed"),
    ("monotone", "real", "missing", TREES | {"monotone_constraints": "(1,0,-1,0)"}, 2),
    ("names", "real", "missing", TREES, "names"),
    ("custom_objective", "real", "missing", TREES, "custom"),
    ("no_round", "class", "plain", TREES | {"objective": "binary:logistic", "base_score": 0.2}, 0),
    ("no_round_nor_base_score", "count", "plain", TREES | {"objective": "count:poisson"}, 0),
    ("column_types", "real", "plain", TREES, "types"),
    # What is refused.
    ("categories", "by_category", "categories", HIST, "categories"),
    ("categories_one_hot", "by_category", "categories", HIST | {"max_cat_to_onehot": 20}, "categories"),
    ("categories_of_a_frame", "by_category", "frame", HIST, 2),
    ("expectile", "real", "plain", HIST | {"objective": "reg:expectileerror", "expectile_alpha": 0.8}, 2),
    ("expectiles", "real", "plain", HIST | {"objective": "reg:expectileerror", "expectile_alpha": [0.2, 0.8]}, 2),
]
REFUSED = {
    "categories": "by categories",
    "categories_one_hot": "by categories",
    "categories_of_a_frame": "categorical",
    "expectile": "reg:expectileerror",
    "expectiles": "reg:expectileerror",
}


def tables(seed):
    random = numpy.random.default_rng(seed)
    plain = random.normal(size=(ROWS + UNSEEN, COLUMNS)).astype(numpy.float32).round(2)
    missing = plain.copy()
    missing[random.random(plain.shape) < 0.2] = numpy.nan
    categories = plain.copy()
    categories[:, 1] = random.integers(0, 6, size=len(plain))
    signal = numpy.nan_to_num(missing) @ random.normal(size=COLUMNS) + 0.4 * random.normal(size=len(plain))
    inputs = {"plain": plain, "missing": missing, "categories": categories}
    survival = numpy.exp(signal / 3) * numpy.where(random.random(len(plain)) < 0.2, -1, 1)
    targets = {
        "real": signal,
        "by_category": signal + 5 * (categories[:, 1] % 2),
        "pair": numpy.stack([signal, plain[:, 0] ** 2], axis=1),
        "class": (signal > 0).astype(float),
        "class_pair": numpy.stack([signal > 0, plain[:, 1] > 0.3], axis=1).astype(float),
        "share": 1 / (1 + numpy.exp(-signal)),
        "ones": numpy.ones(len(plain)),
        "zeros": numpy.zeros(len(plain)),
        "classes": numpy.digitize(signal, [-1.0, 1.0]),
        "count": random.poisson(numpy.exp(numpy.clip(signal / 2, -2, 2))),
        "positive": numpy.exp(signal / 3),
        "survival": survival,
        "interval": numpy.exp(signal / 3),
        "rank": numpy.digitize(signal, [-1.0, 0.0, 1.0]),
        "binary_rank": (signal > 0).astype(float),
    }
    return inputs, targets


def frame(table):
    import pandas

    frame = pandas.DataFrame(table, columns=[f"mark {column}" for column in range(COLUMNS)])
    frame["mark 1"] = pandas.Categorical.from_codes(table[:, 1].astype(int), list("uvwxyz"))
    return frame


def matrix(table, kind, rows, target=None, truth=None, how=None):
    more = {}
    if how == "categories":
        more = {"feature_types": ["q", "c", "q", "q"], "enable_categorical": True}
    if how == "types":
        more = {"feature_types": ["float", "int", "i", "q"], "feature_names": list("abcd")}
    if how == "names":
        more = {"feature_names": ["H3K4me3 'é'", "H3K27ac", "a\\b", "x_3"]}
    if kind == "frame":
        more = {"enable_categorical": True}
    if truth is not None:
        if target == "interval":
            more |= {"label_lower_bound": truth[rows], "label_upper_bound": truth[rows] * 1.5}
        else:
            more |= {"label": truth[rows]}
        if target in ("rank", "binary_rank"):
            more |= {"qid": numpy.arange(len(truth[rows])) // 8}
    data = table["categories"] if kind == "frame" else table[kind]
    data = frame(data[rows]) if kind == "frame" else data[rows]
    return xgboost.DMatrix(data, **more)


def train(seed, target, kind, settings, how):
    inputs, targets = tables(seed)
    truth = targets[target]
    first, unseen = slice(0, ROWS), slice(ROWS, None)
    data = matrix(inputs, kind, first, target, truth, how)
    parameters = {"nthread": 1} | settings
    rounds = how if isinstance(how, int) else 3
    if SEEDS:
        parameters |= {"seed": seed} | ({} if "max_leaves" in settings or "booster" in settings else {"max_depth": 5})
        rounds *= 4
    until = {}
    if how == "early":
        valid = matrix(inputs, kind, unseen, target, truth, how)
        model = xgboost.train(parameters, data, 30, evals=[(valid, "valid")], early_stopping_rounds=2, verbose_eval=False)
        until = {"iteration_range": (0, model.best_iteration + 1)}
    elif how == "continued":
        model = xgboost.train(parameters, data, 1)
        model = xgboost.train(parameters, data, rounds - 1, xgb_model=model)
    elif how == "refreshed":
        model = xgboost.train(parameters, data, rounds)
        half = matrix(inputs, kind, slice(0, ROWS // 2), target, truth)
        refresh = parameters | {"process_type": "update", "updater": "refresh", "refresh_leaf": True}
        model = xgboost.train(refresh, half, rounds, xgb_model=model)
    elif how == "custom":

        def squares(margins, data):
            return margins - data.get_label(), numpy.ones_like(margins)

        model = xgboost.train(parameters, data, rounds, obj=squares)
    else:
        model = xgboost.train(parameters, data, rounds)
    if how == "slice":
        model = model[1:rounds]
    test = matrix(inputs, kind, unseen, how=how)
    margins = model.predict(test, output_margin=True, **until)
    return model, inputs, margins, model.predict(test, **until)


def numbers(table):
    """A table as lists, missing values as null."""
    table = table.reshape(len(table), -1)
    return [[None if numpy.isnan(value) else float(value) for value in row] for row in table]


default = pathlib.Path(__file__).with_name("xgboost_models") / xgboost.__version__
folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else default
shutil.rmtree(folder, ignore_errors=True)
folder.mkdir(parents=True)
cases, golden = [], {"versions": {"xgboost": xgboost.__version__, "numpy": numpy.__version__}}
for seed in range(max(SEEDS, 1)):
    inputs, _ = tables(seed)
    tag = f"_{seed}" if SEEDS else ""
    for kind, table in inputs.items():
        golden[kind + tag] = numbers(table[ROWS:])
    for name, target, kind, settings, how in CASES:
        model, _, margins, predicted = train(seed, target, kind, settings, how)
        files = []
        for ending in ("json", "ubj"):
            files.append(f"{name}{tag}.{ending}.gz")
            packed = gzip.compress(bytes(model.save_raw(ending)), mtime=0)
            (folder / files[-1]).write_bytes(packed)
        case = {"name": name, "files": files}
        if name in REFUSED:
            case["refused"] = REFUSED[name]
        else:
            case |= {"columns": kind + tag, "margins": numbers(margins), "predicted": numbers(predicted)}
        cases.append(case)
golden["cases"] = cases
text = json.dumps(golden, separators=(",", ":"))
(folder / "cases.json").write_text(text.replace('{"name"', '\n{"name"') + "\n")
print(f"XGBoost {xgboost.__version__}: {len(cases)} models in {folder}")
