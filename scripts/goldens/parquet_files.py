"""Parquet as pyarrow writes it, for tests/unit/data/parquet.test.ts: every codec with pages of only nulls, both page versions,
a row group without rows, and columns that nobody trains on. pip install pyarrow==26.*; python scripts/goldens/parquet_files.py"""

import datetime
import decimal
import pathlib

import pyarrow as pa
import pyarrow.parquet as pq

out = pathlib.Path(__file__).parents[2] / "tests/fixtures/parquet"
out.mkdir(parents=True, exist_ok=True)

turn = pa.struct([("role", pa.string()), ("content", pa.string())])
schema = pa.schema(
    [
        ("messages", pa.list_(turn)),
        ("source", pa.string()),  # only nulls
        ("note", pa.large_string()),
        ("label", pa.int64()),
        ("price", pa.decimal128(8, 2)),
        ("at", pa.timestamp("us")),
        ("ok", pa.bool_()),
    ]
)
rows = [
    {
        "messages": [{"role": "user", "content": q}, {"role": "assistant", "content": a}],
        "source": None,
        "note": None if i == 1 else "n" * (i + 1),
        "label": i,
        "price": decimal.Decimal("1.25"),
        "at": datetime.datetime(2026, 1, 2, 3, 4, 5),
        "ok": i == 0,
    }
    for i, (q, a) in enumerate([("Name a fish.", "Trout."), ("Name a bird.", "Wren."), ("Name a cat.", "Lynx.")])
]
for codec in ["none", "snappy", "gzip", "brotli", "zstd", "lz4"]:
    for version in ["1.0", "2.0"]:
        path = out / f"{codec}-{version[0]}.parquet"
        with pq.ParquetWriter(path, schema, compression=codec, data_page_version=version) as writer:
            writer.write_table(pa.Table.from_pylist(rows[:2], schema))
            writer.write_table(pa.Table.from_pylist([], schema))
            writer.write_table(pa.Table.from_pylist(rows[2:], schema))
