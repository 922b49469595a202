"""Writes bootstrap.json: percentile intervals by scipy.stats.bootstrap, with the Monte-Carlo error that two such runs may differ by.

Every statistic is scipy's or scikit-learn's. Whole groups are resampled by giving scipy the groups as its observations.
"""

import json
import pathlib
import platform

import numpy
import scipy
import sklearn
from scipy import stats
from sklearn import metrics

RESAMPLES = 40_000  # here
TESTED = 10_000  # by the library's default
random = numpy.random.default_rng(42)

rows = 60
truth = random.normal(size=rows)
first = numpy.stack([0.8 * truth + 0.5 * random.normal(size=rows) for _ in range(3)])
second = numpy.stack([0.8 * truth + 0.6 * random.normal(size=rows) for _ in range(2)])
# Groups of one to five rows that share an offset, in shuffled row order.
sizes = numpy.tile(numpy.arange(1, 6), 4)
groups = random.permutation(numpy.repeat(numpy.arange(20), sizes))
first, second = (side + 0.5 * random.normal(size=20)[groups] for side in (first, second))
labels = (truth + 0.5 * random.normal(size=rows) > 0.3).astype(float)
truth, first, second = (array.astype(numpy.float32).astype(float) for array in (truth, first, second))


scores = {
    "pearson": lambda truth, predicted: stats.pearsonr(truth, predicted, axis=-1).statistic,
    "spearman": lambda truth, predicted: stats.pearsonr(
        stats.rankdata(truth, axis=-1), stats.rankdata(predicted, axis=-1), axis=-1
    ).statistic,
    "mse": lambda truth, predicted: numpy.mean((truth - predicted) ** 2, axis=-1),
    "mae": lambda truth, predicted: numpy.mean(numpy.abs(truth - predicted), axis=-1),
    "r2": metrics.r2_score,
    "auroc": metrics.roc_auc_score,
}
VECTORIZED = {"pearson", "spearman", "mse", "mae"}


def spread(distribution, share):
    """The standard deviation of the difference between a percentile of TESTED and one of RESAMPLES resamples."""
    step = numpy.sqrt(share * (1 - share) * (1 / TESTED + 1 / RESAMPLES))
    low, high = numpy.quantile(distribution, [max(share - step, 0), min(share + step, 1)])
    return (high - low) / 2


def run(metric, target, first, second, level, grouped):
    def statistic(target, *predictions, **_):
        predicted = [scores[metric](target, prediction) for prediction in predictions]
        difference = sum(predicted[: len(first)]) / len(first)
        if second:
            difference = difference - sum(predicted[len(first) :]) / len(second)
        return difference

    columns = (target, *first, *second)
    if grouped:
        members = [numpy.flatnonzero(groups == group) for group in numpy.unique(groups)]

        def of_groups(drawn):
            chosen = numpy.concatenate([members[group] for group in drawn])
            return statistic(*(column[chosen] for column in columns))

        data, function, vectorized = (numpy.arange(len(members)),), of_groups, False
    else:
        data, function, vectorized = columns, statistic, metric in VECTORIZED
    result = stats.bootstrap(
        data,
        function,
        n_resamples=RESAMPLES,
        batch=2_000 if vectorized else None,
        vectorized=vectorized,
        paired=True,
        axis=-1,
        confidence_level=level,
        method="percentile",
        rng=numpy.random.default_rng(1),
    )
    distribution = result.bootstrap_distribution
    low, high = (float(bound) for bound in result.confidence_interval)
    tail = min(numpy.mean(distribution <= 0), numpy.mean(distribution >= 0))
    return {
        "metric": metric,
        "level": level,
        "target": "labels" if target is labels else "truth",
        "first": len(first),
        "second": len(second),
        "grouped": grouped,
        "statistic": float(statistic(*columns)),
        "low": low,
        "high": high,
        "low_spread": float(spread(distribution, (1 - level) / 2)),
        "high_spread": float(spread(distribution, (1 + level) / 2)),
        "p_value": float(2 * tail) if second else None,
        "p_value_spread": float(2 * numpy.sqrt(tail * (1 - tail) * (1 / TESTED + 1 / RESAMPLES))) if second else None,
    }


cases = [
    *(run(metric, truth, list(first[:1]), [], 0.95, False) for metric in ["pearson", "spearman", "mse", "mae", "r2"]),
    run("auroc", labels, list(first[:1]), [], 0.95, False),
    run("pearson", truth, list(first[:1]), [], 0.8, False),
    run("pearson", truth, list(first), [], 0.95, False),
    run("pearson", truth, list(first[:1]), [], 0.95, True),
    run("mse", truth, list(first), [], 0.9, True),
    run("pearson", truth, list(first), list(second), 0.95, False),
    run("mse", truth, list(first), list(second), 0.95, True),
    run("mae", truth, list(first[:1]), list(second[:1]), 0.95, False),
]
golden = {
    "versions": {
        "python": platform.python_version(),
        "numpy": numpy.__version__,
        "scipy": scipy.__version__,
        "scikit-learn": sklearn.__version__,
    },
    "truth": truth.tolist(),
    "labels": labels.tolist(),
    "first": first.tolist(),
    "second": second.tolist(),
    "groups": groups.tolist(),
    "cases": cases,
}
path = pathlib.Path(__file__).with_suffix(".json")
path.write_text(json.dumps(golden, allow_nan=False).replace('{"metric"', '\n{"metric"') + "\n")
