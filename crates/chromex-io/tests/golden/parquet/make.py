"""Writes one table of expression by several programs and packings.

    pip install pyarrow polars duckdb pandas
    python make.py
"""

import duckdb
import pandas
import polars
import pyarrow
import pyarrow.parquet


def main():
    table = pandas.DataFrame({
        "gene": [f"ENSG{number:02}" for number in range(40)],
        "E003": [number * 0.5 for number in range(40)],
        "E123": [float(number % 7) for number in range(40)],
    })
    arrow = pyarrow.Table.from_pandas(table, preserve_index=False).replace_schema_metadata()
    for packing in ["none", "snappy", "lz4", "zstd", "gzip"]:
        pyarrow.parquet.write_table(arrow, f"pyarrow.{packing}.parquet", compression=packing, store_schema=False)
    pyarrow.parquet.write_table(
        arrow, "pyarrow.pages.parquet", data_page_version="2.0", use_dictionary=False, store_schema=False,
        row_group_size=15, write_page_index=True, sorting_columns=[pyarrow.parquet.SortingColumn(0)],
    )
    polars.from_pandas(table).write_parquet("polars.parquet", compression="snappy", statistics="full")
    duckdb.sql("copy (select * from \"table\") to 'duckdb.parquet' (format parquet)")
    with open("VERSIONS", "w") as file:
        for library in [pyarrow, polars, duckdb, pandas]:
            file.write(f"{library.__name__} {library.__version__}\n")


if __name__ == "__main__":
    main()
