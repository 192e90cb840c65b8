"""table.parquet: a table as PyArrow writes it, in two row groups, compressed by Snappy.

    pip install pyarrow; python test/oracle/record_parquet.py
"""

from pathlib import Path

import pyarrow
import pyarrow.parquet

table = pyarrow.table({"sentence": ["a gripping film", "dull, and long", "naïve 🐋"], "label": [1, 0, 1], "idx": [0, 1, 2]})
pyarrow.parquet.write_table(table, Path(__file__).with_name("table.parquet"), row_group_size=2, compression="snappy")
