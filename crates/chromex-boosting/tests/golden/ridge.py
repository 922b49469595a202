"""Ridge regressions of scikit-learn on small tables drawn by seed.

Writes ridge.json beside itself: python ridge.py
"""

import json
import pathlib

import numpy
import sklearn
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

UNSEEN = 10
CASES = [
    ("more rows than columns", 40, 5, 1, 1.0, False),
    ("more columns than rows", 15, 60, 1, 0.5, False),
    ("several targets", 30, 8, 3, 20.0, False),
    ("a vanishing penalty", 40, 5, 1, 1e-8, False),
    ("standardised columns", 40, 6, 2, 3.0, True),
    ("standardised, more columns than rows", 12, 30, 1, 10.0, True),
]


def draw(seed, name, rows, columns, targets, alpha, standardize):
    random = numpy.random.default_rng(seed)
    units = 10.0 ** random.integers(-2, 3, size=columns)
    inputs = ((random.normal(size=(rows + UNSEEN, columns)) + 2) * units).astype(numpy.float32)
    weights = random.normal(size=(columns, targets)) / units[:, None]
    truth = (inputs @ weights + random.normal(size=(rows + UNSEEN, targets)) + 3).astype(numpy.float32)
    ridge = Ridge(alpha=alpha, solver="cholesky")
    table, answers = inputs.astype(numpy.float64), truth.astype(numpy.float64)
    model = make_pipeline(StandardScaler(), ridge) if standardize else ridge
    model.fit(table[:rows], answers[:rows])
    coefficients = ridge.coef_.reshape(targets, columns).T
    if standardize:
        coefficients = coefficients / model[0].scale_[:, None]
    intercepts = model.predict(numpy.zeros((1, columns))).reshape(targets)
    errors = {}
    for penalty in [0.01, 1.0, 100.0, 10000.0]:
        ridge.set_params(alpha=penalty)
        model.fit(table[:rows], answers[:rows])
        predicted = model.predict(table[rows:]).reshape(UNSEEN, targets)
        errors[penalty] = ((predicted - answers[rows:]) ** 2).mean()
    return {
        "name": name,
        "alpha": alpha,
        "standardize": standardize,
        "training_rows": rows,
        "inputs": inputs.tolist(),
        "targets": truth.tolist(),
        "coefficients": coefficients.tolist(),
        "intercepts": intercepts.tolist(),
        "alphas": list(errors),
        "chosen_alpha": min(errors, key=errors.get),
    }


golden = {
    "versions": {"scikit-learn": sklearn.__version__, "numpy": numpy.__version__},
    "cases": [draw(seed, *case) for seed, case in enumerate(CASES)],
}
path = pathlib.Path(__file__).with_name("ridge.json")
path.write_text(json.dumps(golden, separators=(",", ":")).replace('{"name"', '\n{"name"') + "\n")
