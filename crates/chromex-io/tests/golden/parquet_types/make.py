"""Writes one table of three genes with a column of every type that each program has, and pandas' indices.

    pip install pyarrow polars duckdb pandas
    python make.py
"""

import datetime
import decimal

import duckdb
import pandas
import polars
import pyarrow
import pyarrow.parquet

GENES = ["ENSG01", "ENSG02", "ENSG03"]
WHOLE = [3, 0, 11]
PARTS = ["3.69", "0", "11.2"]
DAYS = [datetime.date(2020, 1, day) for day in (1, 2, 3)]
TIMES = [datetime.datetime(2020, 1, day, 5) for day in (1, 2, 3)]


def decimals():
    return [decimal.Decimal(part) for part in PARTS]


def arrow():
    floats = [float(part) for part in PARTS]
    columns = {"gene": pyarrow.array(GENES, pyarrow.string())}
    for name in ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]:
        columns[name] = pyarrow.array(WHOLE, getattr(pyarrow, name)())
    columns["uint32_high"] = pyarrow.array([4294967295, 0, 1], pyarrow.uint32())
    columns["uint64_high"] = pyarrow.array([2**63, 0, 1], pyarrow.uint64())
    columns["uint64_odd"] = pyarrow.array([2**63 + 1, 0, 1], pyarrow.uint64())
    columns["float16"] = pyarrow.array([3.5, 0, 11.25], pyarrow.float16())
    columns["float32"] = pyarrow.array([3.5, 0, 11.25], pyarrow.float32())
    columns["float64"] = pyarrow.array(floats, pyarrow.float64())
    columns["missing"] = pyarrow.array([3.5, None, float("nan")], pyarrow.float64())
    columns["bool"] = pyarrow.array([True, False, True])
    columns["date32"] = pyarrow.array(DAYS, pyarrow.date32())
    columns["timestamp"] = pyarrow.array(TIMES, pyarrow.timestamp("us"))
    columns["time64"] = pyarrow.array([time.time() for time in TIMES], pyarrow.time64("us"))
    columns["null"] = pyarrow.nulls(3)
    columns["list"] = pyarrow.array([[1.0], [2.0], []], pyarrow.list_(pyarrow.float64()))
    columns["struct"] = pyarrow.array([{"x": 1.0}, {"x": 2.0}, {"x": 3.0}])
    columns["binary"] = pyarrow.array([b"\xff\x00", b"\xfe", b"a"], pyarrow.binary())
    columns["fixed"] = pyarrow.array([b"12345"] * 3, pyarrow.binary(5))
    columns["dictionary"] = pyarrow.array(["a", "b", "a"]).dictionary_encode()
    for precision, scale in [(4, 2), (9, 2), (18, 4), (38, 10)]:
        columns[f"decimal{precision}"] = pyarrow.array(decimals(), pyarrow.decimal128(precision, scale))
    columns["decimal50"] = pyarrow.array(decimals(), pyarrow.decimal256(50, 3))
    table = pyarrow.table(columns)
    pyarrow.parquet.write_table(table, "pyarrow.parquet", store_schema=False)
    few = table.select([name for name in columns if name == "gene" or name.startswith("decimal")])
    pyarrow.parquet.write_table(few, "pyarrow.integers.parquet", store_schema=False, store_decimal_as_integer=True)
    pyarrow.parquet.write_table(
        table.select(["gene", "float64", "timestamp"]), "pyarrow.int96.parquet", use_deprecated_int96_timestamps=True,
    )


def duck():
    types = {
        "tinyint": WHOLE, "smallint": WHOLE, "integer": WHOLE, "bigint": WHOLE, "hugeint": WHOLE,
        "utinyint": WHOLE, "usmallint": WHOLE, "uinteger": WHOLE, "ubigint": WHOLE,
        "float": [3.5, 0, 11.25], "double": PARTS,
        "decimal(4,2)": PARTS, "decimal(9,2)": PARTS, "decimal(18,4)": PARTS, "decimal(38,10)": PARTS,
        "boolean": ["true", "false", "true"],
        "date": [f"'{day}'" for day in DAYS], "time": ["'05:00:00'"] * 3, "timestamp": [f"'{time}'" for time in TIMES],
        "interval": ["'1 day'"] * 3, "uuid": ["'00000000-0000-0000-0000-000000000001'"] * 3,
        "json": ["'1'"] * 3, "blob": ["'a'"] * 3, "integer[]": ["[1]"] * 3,
    }
    rows = []
    for row, gene in enumerate(GENES):
        fields = [f"'{gene}' as gene"]
        fields += [f"{values[row]}::{kind} as \"{kind}\"" for kind, values in types.items()]
        fields.append(f"'{'ab'[row % 2]}'::enum('a', 'b') as \"enum\"")
        rows.append("select " + ", ".join(fields))
    duckdb.sql(f"copy ({' union all '.join(rows)}) to 'duckdb.parquet' (format parquet)")


def polar():
    polars.DataFrame({
        "gene": GENES,
        "u32": polars.Series(WHOLE, dtype=polars.UInt32),
        "i8": polars.Series(WHOLE, dtype=polars.Int8),
        "f32": polars.Series([3.5, 0, 11.25], dtype=polars.Float32),
        "decimal": polars.Series(decimals(), dtype=polars.Decimal(20, 2)),
        "boolean": [True, False, True],
        "date": DAYS,
        "categorical": polars.Series(["a", "b", "a"], dtype=polars.Categorical),
        "list": [[1.0], [2.0], []],
    }).write_parquet("polars.parquet")


def panda():
    table = pandas.DataFrame({
        "gene_id": GENES, "gene_name": ["TSPAN6", "TNMD", "DPM1"], "number": [7, 8, 12], "cell": [3.69, 0.0, 11.2],
    })
    data = ["gene_name", "cell"]
    frames = {
        "named": table.set_index("gene_id")[data],
        "unnamed": table.set_index(pandas.Index([4, 5, 9]))[["gene_id", "cell"]],
        "range": table[["gene_id", "cell"]],
        "number": table.set_index("number")[["gene_id", "cell"]],
        "several": table.set_index(["gene_id", "gene_name"])[["cell"]],
        "several_unnamed": table.set_index([pandas.Index([4, 5, 9]), "gene_id"])[["cell"]],
        "columns": table.set_index("gene_id")[["cell"]].rename(columns={"cell": 7}),
        "category": table.assign(gene_id=table["gene_id"].astype("category"))[["gene_id", "cell"]],
        "nullable": table.assign(cell=pandas.array([3, None, 11], dtype="Int64"))[["gene_id", "cell"]],
        "promoters": table.assign(sequence=["ACGT", None, "acgtn"]).set_index(pandas.Index([4, 5, 9]))[
            ["gene_id", "gene_name", "sequence", "cell"]
        ],
        "only_number": table.set_index("number")[["cell"]],
    }
    for name, frame in frames.items():
        frame.to_parquet(f"pandas.{name}.parquet")
    # The note is lost, the name stays.
    lost = pyarrow.Table.from_pandas(frames["unnamed"]).replace_schema_metadata()
    pyarrow.parquet.write_table(lost, "pandas.lost.parquet", store_schema=False)


def main():
    arrow()
    duck()
    polar()
    panda()
    with open("VERSIONS", "w") as file:
        for library in [pyarrow, polars, duckdb, pandas]:
            file.write(f"{library.__name__} {library.__version__}\n")


if __name__ == "__main__":
    main()
