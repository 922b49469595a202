"""The same fits in XGBoost and LightGBM: python boosting.py ROWS COLUMNS [counts] [xgboost|lightgbm]

Prints the seconds of a fit of 100 trees of depth 6 with two threads, the construction of the library's own table
included. Needs numpy and the library.
"""
import sys
import time

import numpy as np

rows, columns = int(sys.argv[1]), int(sys.argv[2])
counts = "counts" in sys.argv
which = sys.argv[-1]
random = np.random.default_rng(1)
if counts:
    inputs = random.poisson(3.0, (rows, columns)).astype(np.float32)
else:
    inputs = random.standard_normal((rows, columns), dtype=np.float32)
used = [inputs[:, i * columns // 10] for i in range(10)]
target = sum(used[:8]) + used[8] * used[9] + random.uniform(-1, 1, rows).astype(np.float32)
start = time.perf_counter()
if which == "lightgbm":
    import lightgbm

    start = time.perf_counter()
    lightgbm.train(
        {"objective": "regression", "learning_rate": 0.3, "max_depth": 6, "num_leaves": 64, "num_threads": 2,
         "lambda_l2": 1.0, "min_data_in_leaf": 1, "verbose": -1},
        lightgbm.Dataset(inputs, target), 100)
    version = lightgbm.__version__
else:
    import xgboost

    start = time.perf_counter()
    xgboost.train(
        {"tree_method": "hist", "max_depth": 6, "eta": 0.3, "nthread": 2, "base_score": 0.5},
        xgboost.DMatrix(inputs, target, nthread=2), 100)
    version = xgboost.__version__
print(f"{which} {version} {rows}x{columns}: {time.perf_counter() - start:.2f} s")
