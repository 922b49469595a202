"""Classical learners of scikit-learn on small tables drawn by seed, each solved as far as it goes.

Writes classical.json beside itself: python classical.py
"""

import json
import pathlib
import warnings

import numpy
import sklearn
from sklearn.linear_model import ElasticNet, LinearRegression, LogisticRegression, enet_path
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

UNSEEN = 10
TABLES = [
    ("more rows than columns", 60, 5),
    ("more columns than rows", 25, 60),
    ("columns that depend on each other", 50, 12),
]


def inputs_of(random, name, rows, columns):
    units = 10.0 ** random.integers(-1, 2, size=columns)
    table = (random.normal(size=(rows + UNSEEN, columns)) + 1) * units
    if name.startswith("columns"):
        table[:, 3] = table[:, 0]
        table[:, 5] = 7
        table[:, 7] = (table[:, 1] * 4).round() / 4
        table[:, 8] = table[:, 7] * 2
    return table.astype(numpy.float32), units


def case(seed, name, rows, columns):
    random = numpy.random.default_rng(seed)
    inputs, units = inputs_of(random, name, rows, columns)
    weights = random.normal(size=columns) * (random.random(columns) < 0.5) / units
    truth = (inputs @ weights + 0.5 * random.normal(size=rows + UNSEEN) + 3).astype(numpy.float32)
    classes = (truth + random.normal(size=rows + UNSEEN) > numpy.median(truth)).astype(int)
    table, answers = inputs.astype(numpy.float64), truth.astype(numpy.float64)
    train = slice(0, rows)

    def fitted(learner, answers, standardize):
        model = make_pipeline(StandardScaler(), learner) if standardize else learner
        return model.fit(table[train], answers[train])

    results = []

    def add(learner, settings, standardize, model, predict):
        results.append(
            {
                "learner": learner,
                "settings": settings | {"standardize": standardize},
                "predicted": getattr(model, predict)(table).reshape(rows + UNSEEN, -1)[:, -1].tolist(),
            }
        )

    for standardize in [False, True]:
        add("least squares", {}, standardize, fitted(LinearRegression(), answers, standardize), "predict")
        for alpha, l1_ratio in [(0.02, 1.0), (0.05, 0.3), (50.0, 0.7)]:
            net = ElasticNet(alpha=alpha, l1_ratio=l1_ratio, tol=1e-13, max_iter=10**7)
            add("elastic net", {"alpha": alpha, "l1_ratio": l1_ratio}, standardize, fitted(net, answers, standardize), "predict")
        for cost in [0.01, 1.0, 20.0]:
            logistic = LogisticRegression(C=cost, solver="newton-cholesky", tol=1e-12, max_iter=10**4)
            model = fitted(logistic, classes, standardize)
            add("logistic", {"c": cost}, standardize, model, "predict_proba")
    for cost, epsilon in [(0.1, 0.1), (2.0, 0.3)]:
        for kernel in ["linear", "rbf"]:
            regression = SVR(kernel=kernel, C=cost, epsilon=epsilon, tol=1e-10)
            settings = {"c": cost, "epsilon": epsilon, "kernel": kernel}
            add("support vectors", settings, True, fitted(regression, answers, True), "predict")
            machine = SVC(kernel=kernel, C=cost, tol=1e-10)
            settings = {"c": cost, "kernel": kernel}
            add("support vector classes", settings, True, fitted(machine, classes, True), "decision_function")
    gamma = {"kernel": "rbf", "c": 1.0, "epsilon": 0.05}
    add("support vectors", gamma, False, fitted(SVR(epsilon=0.05, tol=1e-10), answers, False), "predict")
    for depth, leaf in [(1, 1), (2, 6)]:
        settings = {"max_depth": depth, "min_rows_per_leaf": leaf}
        for learner, kind, target, predict in [
            ("tree", DecisionTreeRegressor, answers, "predict"),
            ("tree classes", DecisionTreeClassifier, classes, "predict_proba"),
        ]:
            models = [
                fitted(kind(max_depth=depth, min_samples_leaf=leaf, random_state=seed), target, False)
                for seed in range(20)
            ]
            # Of equally good splits scikit-learn draws one, which nobody else can.
            predicted = [getattr(model, predict)(table) for model in models]
            if all((other == predicted[0]).all() for other in predicted):
                add(learner, settings, False, models[0], predict)
            else:
                print(name, learner, settings, "has splits that are equally good")

    scaled = StandardScaler().fit(table[train])
    # The path that the validation rows choose from, with the weights of every penalty.
    alphas, paths, _ = enet_path(
        scaled.transform(table[train]), answers[train] - answers[train].mean(), l1_ratio=0.5, eps=1e-2, alphas=20,
        tol=1e-12, max_iter=10**7,
    )
    predicted = scaled.transform(table[rows:]) @ paths + answers[train].mean()
    errors = ((predicted - answers[rows:, None]) ** 2).mean(axis=0)
    return {
        "name": name,
        "training_rows": rows,
        "inputs": inputs.tolist(),
        "targets": truth.tolist(),
        "classes": classes.tolist(),
        "results": results,
        "chosen_alpha": alphas[errors.argmin()],
    }


warnings.simplefilter("error")
golden = {
    "versions": {"scikit-learn": sklearn.__version__, "numpy": numpy.__version__},
    "cases": [case(seed, *table) for seed, table in enumerate(TABLES)],
}
path = pathlib.Path(__file__).with_name("classical.json")
text = json.dumps(golden, separators=(",", ":")).replace('{"name"', '\n{"name"').replace('{"learner"', '\n{"learner"')
path.write_text(text + "\n")
