"""Puts many rows into a table at once.

SQLAlchemy prepares each row of an insert anew, which costs more than the insert itself; here it writes the statement
and says how each column's values are handed to the driver, once for all rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import Table, insert
from sqlalchemy.orm import Session

_CHUNK = 5000  # a statement takes so many values and no more: databases have their limits
_T = TypeVar("_T")


def chunks(values: Sequence[_T]) -> Iterator[Sequence[_T]]:
    """Yield `values` in pieces that one statement can take."""
    for start in range(0, len(values), _CHUNK):
        yield values[start : start + _CHUNK]


def insert_rows(session: Session, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows, each with a value for every column of `table`, by column name."""
    if not rows:
        return
    connection = session.connection()
    dialect = connection.dialect
    columns = [
        (column.name, column.type.dialect_impl(dialect).bind_processor(dialect)) for column in table.columns.values()
    ]
    compiled = insert(table).compile(dialect=dialect, column_keys=[name for name, _convert in columns])
    values: list[Any]
    if compiled.positional:
        converters = dict(columns)
        order = [(name, converters[name]) for name in compiled.positiontup or ()]
        values = [
            tuple([row[name] if convert is None else convert(row[name]) for name, convert in order]) for row in rows
        ]
    else:
        values = [
            {name: row[name] if convert is None else convert(row[name]) for name, convert in columns} for row in rows
        ]
    connection.exec_driver_sql(str(compiled), values)
