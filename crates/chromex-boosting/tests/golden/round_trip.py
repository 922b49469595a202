"""Checks that XGBoost and chromex predict the same with each other's models, over many models drawn by seed.

python round_trip.py [MODELS [PROGRAM]], from any folder; MODELS is 200 unless given, PROGRAM the example `interchange`, which cargo
builds unless given. Needs XGBoost 3.
"""

import pathlib
import subprocess
import sys
import tempfile
import warnings

import numpy
import xgboost

warnings.simplefilter("ignore")
xgboost.set_config(verbosity=0)
CRATE = pathlib.Path(__file__).parents[2]
OBJECTIVES = {
    "reg:squarederror": "real",
    "reg:absoluteerror": "real",
    "reg:pseudohubererror": "real",
    "reg:quantileerror": "real",
    "reg:squaredlogerror": "positive",
    "reg:gamma": "positive",
    "reg:tweedie": "positive",
    "count:poisson": "count",
    "reg:logistic": "class",
    "binary:logistic": "class",
    "binary:logitraw": "class",
    "binary:hinge": "class",
    "multi:softprob": "classes",
    "multi:softmax": "classes",
    "survival:cox": "positive",
}


def draw(random):
    rows, columns = random.integers(20, 200), random.integers(1, 30)
    inputs = random.normal(size=(rows, columns)).astype(numpy.float32)
    if random.random() < 0.5:
        inputs = random.poisson(2, size=inputs.shape).astype(numpy.float32)
    if random.random() < 0.6:
        inputs[random.random(inputs.shape) < 0.2] = numpy.nan
    objective = random.choice(list(OBJECTIVES))
    settings = {
        "objective": str(objective),
        "booster": str(random.choice(["gbtree", "gbtree", "gbtree", "dart", "gblinear"])),
        "max_depth": int(random.integers(1, 8)),
        "eta": float(random.uniform(0.05, 1.0)),
        "gamma": float(random.choice([0.0, 0.5, 3.0])),
        "min_child_weight": float(random.choice([0.0, 1.0, 4.0])),
        "subsample": float(random.choice([0.6, 1.0])),
        "colsample_bytree": float(random.choice([0.5, 1.0])),
        "seed": int(random.integers(1 << 30)),
        "nthread": 1,
    }
    if settings["booster"] == "dart":
        settings |= {"rate_drop": 0.3, "one_drop": 1}
    elif settings["booster"] == "gbtree":
        settings |= {
            "tree_method": str(random.choice(["exact", "hist", "approx"])),
            "num_parallel_tree": int(random.choice([1, 1, 3])),
        }
        if settings["tree_method"] != "exact" and random.random() < 0.4:
            settings |= {"grow_policy": "lossguide", "max_leaves": int(random.integers(2, 40))}
    kind = OBJECTIVES[objective]
    signal = numpy.nan_to_num(inputs) @ random.normal(size=columns) / numpy.sqrt(columns)
    if kind == "real" and random.random() < 0.4 and objective != "reg:quantileerror":
        truth = numpy.stack([signal * random.normal() + random.normal(size=rows) for _ in range(3)], axis=1)
        if settings["booster"] == "gbtree" and objective == "reg:squarederror" and random.random() < 0.6:
            settings |= {"multi_strategy": "multi_output_tree", "tree_method": "hist", "num_parallel_tree": 1}
    elif kind == "real":
        truth = signal + random.normal(size=rows)
        if objective == "reg:quantileerror":
            settings["quantile_alpha"] = [0.1, 0.5, 0.9]
    elif kind == "positive":
        truth = numpy.exp(signal / 3)
    elif kind == "count":
        truth = random.poisson(numpy.exp(numpy.clip(signal, -3, 3)))
    elif kind == "class":
        truth = (signal > 0).astype(float)
    else:
        truth = numpy.digitize(signal, [-0.5, 0.0, 0.5])
        settings["num_class"] = 4
    if objective in ("reg:squarederror", "binary:logistic") and random.random() < 0.5:
        settings["base_score"] = float(random.choice([0.1, 0.5, 0.9]))
    return inputs, truth, settings


def predict(model, inputs):
    """Margins and predictions, with the best rounds where fitting stopped early."""
    best = model.attr("best_iteration")
    until = {} if best is None else {"iteration_range": (0, int(best) + 1)}
    names = model.feature_names
    data = xgboost.DMatrix(inputs, feature_names=names)
    return model.predict(data, **until).reshape(len(inputs), -1)


def table(path):
    return numpy.loadtxt(path, delimiter=",", ndmin=2, dtype=numpy.float32)


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    random = numpy.random.default_rng(5)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        drawn, failed = {}, 0
        while len(drawn) < count:
            inputs, truth, settings = draw(random)
            names = [f"mark {column}" for column in range(inputs.shape[1])] if random.random() < 0.3 else None
            data = xgboost.DMatrix(inputs, label=truth, feature_names=names)
            early = {}
            if random.random() < 0.3:
                half = len(inputs) // 2
                valid = xgboost.DMatrix(inputs[:half], label=truth[:half], feature_names=names)
                early = {"evals": [(valid, "valid")], "early_stopping_rounds": 2, "verbose_eval": False}
            try:
                model = xgboost.train(settings, data, int(random.integers(0 if not early else 1, 30)), **early)
                predicted = predict(model, inputs)
            except xgboost.core.XGBoostError:
                failed += 1
                continue
            if not numpy.isfinite(predicted).all():
                failed += 1
                continue
            stem = f"model{len(drawn):04}"
            file = f"{stem}.{random.choice(['json', 'ubj'])}"
            model.save_model(folder / file)
            numpy.savetxt(folder / f"{stem}.csv", inputs, delimiter=",")
            if settings["objective"] == "reg:squarederror":
                numpy.savetxt(folder / f"{stem}.targets.csv", truth, delimiter=",")
            drawn[file] = (inputs, predicted, settings)
        command = ["cargo", "run", "--release", "--quiet", "--locked", "--example", "interchange", "--", name]
        if len(sys.argv) > 2:
            command = [str(pathlib.Path(sys.argv[2]).resolve()), name]
        subprocess.run(command, cwd=CRATE, check=True, stdout=subprocess.DEVNULL)

        def difference(one, other):
            """The greatest, relative to what is predicted where that is above 1."""
            assert one.shape == other.shape
            return float((numpy.abs(one - other) / numpy.maximum(1, numpy.abs(other))).max())

        out = folder / "chromex"
        there, back, fitted = [], [], []
        for file, (inputs, predicted, settings) in drawn.items():
            there.append(difference(table(out / f"{file}.csv"), predicted))
            for ending in ("json", "ubj"):
                model = xgboost.Booster(model_file=out / f"{file}.{ending}")
                back.append(difference(predict(model, inputs), predicted))
            worst = max(there[-1], *back[-2:])
            if worst > 1e-6:
                print(f"{worst:.1e}: {settings}")
            stem = file.split(".")[0]
            if (out / f"{stem}.fitted.csv").exists():
                for ending in ("json", "ubj"):
                    model = xgboost.Booster(model_file=out / f"{stem}.fitted.{ending}")
                    fitted.append(difference(predict(model, inputs), table(out / f"{stem}.fitted.csv")))
        print(f"XGBoost {xgboost.__version__}, {count} models ({failed} draws that XGBoost could not fit)")
        for what, found in [
            ("chromex predicts with XGBoost's file", there),
            ("XGBoost predicts with the file that chromex wrote of it", back),
            ("XGBoost predicts with the file of a fit by chromex", fitted),
        ]:
            above = sum(one > 1e-6 for one in found)
            print(f"{what}: greatest difference {max(found):.1e} of {len(found)}, {above} above 1e-6")


main()
