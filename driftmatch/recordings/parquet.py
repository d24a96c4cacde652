"""Tables in Parquet files."""

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from driftmatch.errors import InputError
from driftmatch.recordings.columns import Asked
from driftmatch.recordings.measured import Measured, rows_at_once
from driftmatch.recordings.tables import of_frames

if TYPE_CHECKING:
    import pandas


def of_parquet(path: Path, asked: Asked, *, in_memory: bool) -> Measured:
    """A file that pandas, Polars, R or others wrote."""
    if importlib.util.find_spec("pyarrow") is None:
        raise InputError(
            "Parquet files need the package pyarrow: pip install 'driftmatch[parquet]', or save "
            "the table as CSV"
        )
    return of_frames(path.name, _frames(path), asked, in_memory=in_memory)


def _frames(path: Path) -> "Iterator[pandas.DataFrame]":
    from pyarrow import parquet

    # Without pre_buffer, which keeps all that was read.
    with parquet.ParquetFile(path, pre_buffer=False, buffer_size=2**20) as file:
        rows = rows_at_once(len(file.schema_arrow.names))
        for batch in file.iter_batches(batch_size=rows):
            # As plain columns: an index that pandas has noted there would be taken out of them.
            yield batch.to_pandas(ignore_metadata=True)
