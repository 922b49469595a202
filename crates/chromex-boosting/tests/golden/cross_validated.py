"""Fits the lasso by cross-validation with scikit-learn, and sets each weight to 0 in turn to see what it is worth.

python cross_validated.py > cross_validated.json
"""

import json
import sys

import numpy
import sklearn
from sklearn.linear_model import LassoCV
from sklearn.metrics import r2_score
from sklearn.preprocessing import StandardScaler

draw = numpy.random.default_rng(6)
cases = []
for rows, columns, folds in [(60, 8, 10), (103, 30, 5)]:
    # Frequencies of k-mers: few distinct values, one column without any.
    inputs = (draw.poisson(0.7, (rows, columns)) / 40).astype(numpy.float32)
    inputs[:, 3] = 0
    weights = numpy.where(numpy.arange(columns) % 4 == 0, 30.0, 0.0)
    targets = (inputs @ weights + draw.normal(0, 0.5, rows)).astype(numpy.float32)
    scaler = StandardScaler().fit(inputs.astype(float))
    net = LassoCV(cv=folds, tol=1e-12, max_iter=10**6).fit(
        scaler.transform(inputs.astype(float)), targets.astype(float)
    )
    coefficients = net.coef_ / scaler.scale_
    intercept = net.intercept_ - coefficients @ scaler.mean_

    def explained(coefficients):
        return r2_score(targets.astype(float), inputs.astype(float) @ coefficients + intercept)

    importances = []
    for column in range(columns):
        without = coefficients.copy()
        without[column] = 0
        importances.append(explained(coefficients) - explained(without))
    cases.append(
        {
            "folds": folds,
            "inputs": [[float(repr(float(v))) for v in row] for row in inputs],
            "targets": [float(v) for v in targets],
            "alpha": net.alpha_,
            "coefficients": coefficients.tolist(),
            "intercept": float(intercept),
            "importances": importances,
        }
    )
json.dump(
    {
        "versions": {
            "python": sys.version.split()[0],
            "sklearn": sklearn.__version__,
            "numpy": numpy.__version__,
        },
        "cases": cases,
    },
    sys.stdout,
)
