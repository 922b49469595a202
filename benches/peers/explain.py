"""The same explanations in XGBoost: python explain.py COLUMNS ROWS [interactions]

Prints the seconds that explaining ROWS rows takes with two threads, the construction of XGBoost's own table included,
as the median of five. Needs numpy and xgboost.
"""
import statistics
import sys
import time

import numpy as np
import xgboost

columns, explained = int(sys.argv[1]), int(sys.argv[2])
what = {"pred_interactions": True} if "interactions" in sys.argv else {"pred_contribs": True}
rows = 10_000
random = np.random.default_rng(1)
inputs = random.standard_normal((rows, columns), dtype=np.float32)
used = [inputs[:, i * columns // 10] for i in range(10)]
target = sum(used[:8]) + used[8] * used[9] + random.uniform(-1, 1, rows).astype(np.float32)
model = xgboost.train(
    {"tree_method": "hist", "max_depth": 6, "eta": 0.3, "nthread": 2, "base_score": 0.5},
    xgboost.DMatrix(inputs, target, nthread=2), 100)
times = []
for _ in range(5):
    start = time.perf_counter()
    model.predict(xgboost.DMatrix(inputs[:explained], nthread=2), **what)
    times.append(time.perf_counter() - start)
seconds = statistics.median(times)
print(f"xgboost {xgboost.__version__} {explained}x{columns} {what}: {seconds:.4f} s, {explained / seconds:.0f} rows/s")
