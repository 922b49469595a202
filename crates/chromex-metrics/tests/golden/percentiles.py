"""Writes percentiles.json: percentiles by numpy.quantile with its default (linear) rule."""

import json
import pathlib
import platform

import numpy

random = numpy.random.default_rng(7)
shares = [0.0, 0.005, 0.025, 0.1, 1 / 3, 0.5, 0.9, 0.975, 0.999, 1.0]
cases = []
for rows in [1, 2, 3, 10, 41, 200]:
    values = numpy.sort(random.normal(size=rows))
    cases.append({"sorted": values.tolist(), "quantiles": numpy.quantile(values, shares).tolist()})
golden = {
    "versions": {"python": platform.python_version(), "numpy": numpy.__version__},
    "shares": shares,
    "cases": cases,
}
path = pathlib.Path(__file__).with_suffix(".json")
path.write_text(json.dumps(golden) + "\n")
