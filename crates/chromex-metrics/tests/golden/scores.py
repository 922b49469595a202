"""Writes scores.json: scores of small inputs by scipy and scikit-learn, which are the reference of every metric.

Inputs are drawn here as float32 and scored as float64. A score that the reference does not define is null.
"""

import json
import pathlib
import platform
import warnings

import numpy
import scipy
import sklearn
from scipy import stats
from sklearn import metrics

random = numpy.random.default_rng(20240311)
cases = {}


def case(name, truth, predicted):
    cases[name] = (numpy.asarray(truth, numpy.float32), numpy.asarray(predicted, numpy.float32))


def linear(rows, noise):
    truth = random.normal(size=rows)
    return truth, 0.7 * truth + noise * random.normal(size=rows)


case("one row", [1.5], [2.0])
case("one positive row", [1], [0.3])
case("two rows", [0.25, -3.5], [1.0, 1.5])
case("three rows", [1, 2, 3], [0.1, -0.2, 0.4])
case("fifty rows, all signs", *linear(50, 0.5))
case("six hundred rows", *linear(600, 0.9))
case("weak correlation", *linear(200, 20.0))
case("negative correlation", *(lambda t, p: (t, -p))(*linear(80, 0.3)))
case("all values negative", *(lambda t, p: (t - 9, p - 7))(*linear(70, 0.4)))
case("tied whole numbers", random.integers(-3, 4, 90), random.integers(-2, 3, 90))
case("counts with many zeros", random.negative_binomial(1, 0.2, 120), random.poisson(2, 120))
truth, predicted = linear(64, 0.5)
case("large offset", truth + 1e6, predicted + 1e6)
case("large offsets of opposite sign", truth - 4e4, predicted + 3e6)
case("last bits at a large offset", 16777200 + random.integers(0, 9, 40), random.integers(0, 5, 40) - 8388600)
case("wide range", numpy.exp(12 * random.normal(size=75)), numpy.exp(12 * random.normal(size=75)))
case("small values", truth * 1e-18, predicted * 1e-18)
case("large values", truth * 1e18, predicted * 1e18)
case("perfect", truth, truth)
case("constant truth", numpy.full(30, 0.1), random.normal(size=30))
case("constant prediction", random.normal(size=30), numpy.full(30, 0.1))
case("both constant and equal", numpy.full(12, 3.3), numpy.full(12, 3.3))

labels = random.random(150) < 0.3
case("labels", labels, labels + 1.2 * random.normal(size=150))
case("labels, tied scores", labels, numpy.round(labels + random.normal(size=150)))
case("labels, equal scores", labels, numpy.full(150, 0.7))
case("labels, perfect scores", labels, numpy.where(labels, 2, -2) + random.random(150))
case("labels, reversed scores", labels, -(numpy.where(labels, 2, -2) + random.random(150)))
case("labels, one positive", numpy.arange(40) == 17, random.normal(size=40))
case("labels, one negative", numpy.arange(40) != 17, random.normal(size=40))
case("labels, no positive", numpy.zeros(9), random.normal(size=9))
case("labels, no negative", numpy.ones(9), random.normal(size=9))
case("two labels", [0, 1], [0.6, 0.4])
case("two labels, tied", [0, 1], [0.5, 0.5])
case("zeros of either sign", [0, 1, 0, 1, 1], [0.0, -0.0, -1.0, 1.0, 0.0])


def score(truth, predicted):
    rows = len(truth)
    scores = {
        "pearson": stats.pearsonr(truth, predicted).statistic if rows > 1 else None,
        "spearman": stats.spearmanr(truth, predicted).statistic if rows > 1 else None,
        "mse": metrics.mean_squared_error(truth, predicted),
        "mae": metrics.mean_absolute_error(truth, predicted),
        "r2": metrics.r2_score(truth, predicted, force_finite=False) if rows > 1 else None,
    }
    if set(truth) <= {0.0, 1.0}:
        scores["auroc"] = metrics.roc_auc_score(truth, predicted) if len(set(truth)) == 2 else None
        # scikit-learn scores no positives as 0 with a warning that the recall is meaningless.
        scores["auprc"] = metrics.average_precision_score(truth, predicted) if truth.any() else None
    return {
        name: None if value is None or not numpy.isfinite(value) else float(value)
        for name, value in scores.items()
    }


warnings.simplefilter("ignore")
golden = {
    "versions": {
        "python": platform.python_version(),
        "numpy": numpy.__version__,
        "scipy": scipy.__version__,
        "scikit-learn": sklearn.__version__,
    },
    "cases": [
        {
            "name": name,
            "truth": truth.astype(float).tolist(),
            "predicted": predicted.astype(float).tolist(),
            "scores": score(truth.astype(float), predicted.astype(float)),
        }
        for name, (truth, predicted) in cases.items()
    ],
}
path = pathlib.Path(__file__).with_suffix(".json")
path.write_text(json.dumps(golden, allow_nan=False).replace('{"name"', '\n{"name"') + "\n")
