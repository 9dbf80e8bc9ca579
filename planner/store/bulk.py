"""Puts many rows into a table at once, and hands many values to one statement.

SQLAlchemy prepares each row of an insert anew, which costs more than the insert itself; here it writes the statement
and says how each column's values are handed to the driver, once for all rows. A list of keys goes to the database as
one JSON value, so that a question about a hundred thousand tasks is the same statement as one about three.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import (
    CTE,
    JSON,
    Table,
    Text,
    bindparam,
    cast,
    column,
    func,
    insert,
    select,
    type_coerce,
)
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import Session
from sqlalchemy.types import TypeEngine

_CHUNK = 5000  # a statement takes so many values and no more: databases have their limits
_T = TypeVar("_T")


def chunks(values: Sequence[_T]) -> Iterator[Sequence[_T]]:
    """Yield `values` in pieces that one statement can take."""
    for start in range(0, len(values), _CHUNK):
        yield values[start : start + _CHUNK]


def listed(session: Session, name: str, columns: Mapping[str, TypeEngine[Any]], rows: Iterable[Sequence[Any]]) -> CTE:
    """Return `rows` as something to join: a table of the statement's own, handed over as one value.

    Args:
        session: tells which database is asked.
        name: of the table within the statement.
        columns: its columns in the order of the rows' values, with their types: text, whole numbers, dates.
        rows: dates as dates or ISO text.
    """
    text = bindparam(None, json.dumps(list(map(list, rows)), ensure_ascii=False, default=str), Text, unique=True)
    if session.get_bind().dialect.name == "sqlite":
        each = func.json_each(text).table_valued(column("value", Text))
        # SQLite keeps a date as ISO text, which is what JSON holds too.
        values = [
            type_coerce(func.json_extract(each.c.value, f"$[{n}]"), kind).label(label)
            for n, (label, kind) in enumerate(columns.items())
        ]
    else:
        each = func.json_array_elements(cast(text, JSON)).table_valued(column("value", JSON))
        values = [
            cast(each.c.value.op("->>", return_type=Text())(n), kind).label(label)
            for n, (label, kind) in enumerate(columns.items())
        ]
    # Read once: otherwise each value would be looked up in the text again for every row that it is compared with.
    return select(*values).cte(name).prefix_with("MATERIALIZED")


def keys_listed(session: Session, keys: Iterable[str], name: str = "wanted") -> CTE:
    """Return keys as something to join, with the one column `key`."""
    return listed(session, name, {"key": Text()}, ([key] for key in keys))


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


def insert_new(
    session: Session, table: Table, rows: Sequence[Mapping[str, Any]], *, unique: Sequence[str], at_once: int = 50_000
) -> int:
    """Insert rows of the same columns, pass over those whose `unique` columns are known, and return how many came in.

    The unique key decides, not what was read before: another worker may be faster. PostgreSQL takes a column of
    `at_once` rows as one value, SQLite a row at a time. Values are such as a set can hold: text, numbers, days, times.
    """
    if not rows:
        return 0
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    return insert_columns(session, table, columns, unique=unique, at_once=at_once)


def insert_columns(
    session: Session, table: Table, columns: Mapping[str, list[Any]], *, unique: Sequence[str], at_once: int = 50_000
) -> int:
    """Do as `insert_new` does with rows that are given column by column, each as long as the others."""
    connection = session.connection()
    dialect = connection.dialect
    if dialect.name == "sqlite":
        marks = ", ".join("?" * len(columns))
        # The columns and their names are ours; the values go beside the statement.
        return connection.exec_driver_sql(
            f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES ({marks}) {_passing_over(unique)}",  # noqa: S608
            list(zip(*_values(table, columns, dialect), strict=True)),
        ).rowcount
    statement, shared, lists = _from_arrays(table, columns, unique, dialect)
    # One statement however many rows there are: the driver sends their portions one behind the other.
    portions = [(*shared, *(column[at : at + at_once] for column in lists)) for at in range(0, len(lists[0]), at_once)]
    return connection.exec_driver_sql(statement, portions).rowcount


def insert_and_tell(
    session: Session, table: Table, columns: Mapping[str, list[Any]], *, unique: Sequence[str], tell: Sequence[str]
) -> list[tuple[Any, ...]]:
    """Do as `insert_columns` does, and return the columns `tell` of the rows that came in."""
    connection = session.connection()
    dialect = connection.dialect
    if dialect.name == "sqlite":
        statement = sqlite.insert(table).on_conflict_do_nothing(index_elements=unique)
        rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
        return list(map(tuple, session.execute(statement.returning(*(table.c[name] for name in tell)), rows)))
    text, shared, lists = _from_arrays(table, columns, unique, dialect)
    found = connection.exec_driver_sql(f"{text} RETURNING {', '.join(tell)}", (*shared, *lists))
    return list(map(tuple, found))


def _from_arrays(
    table: Table, columns: Mapping[str, list[Any]], unique: Sequence[str], dialect: Dialect
) -> tuple[str, list[Any], list[list[Any]]]:
    """Return PostgreSQL's statement that inserts columns, with its values: those that all rows share, and the others.

    A column in which all rows agree is sent once. The others go as arrays in binary: written as text they take longer
    than the insert.
    """
    values = dict(zip(columns, _values(table, columns, dialect), strict=True))
    shared = {
        name: column[0]
        for name, column in values.items()
        if name not in unique and column.count(column[0]) == len(column)
    }
    typed = {name: table.columns[name].type.compile(dialect) for name in columns}
    chosen = ", ".join(f"%s::{typed[name]}" if name in shared else f"given.{name}" for name in columns)
    given = [name for name in columns if name not in shared]
    arrays = ", ".join(f"%b::{typed[name]}[]" for name in given)
    statement = (
        f"INSERT INTO {table.name} ({', '.join(columns)}) "  # noqa: S608 - names of ours; the values go beside it
        f"SELECT {chosen} FROM unnest({arrays}) AS given({', '.join(given)}) {_passing_over(unique)}"
    )
    return statement, list(shared.values()), [values[name] for name in given]


def _passing_over(unique: Sequence[str]) -> str:
    return f"ON CONFLICT ({', '.join(unique)}) DO NOTHING"


def _values(table: Table, columns: Mapping[str, list[Any]], dialect: Dialect) -> list[list[Any]]:
    """Return the values of each column as the driver takes them."""
    return [
        _converted(column, table.columns[name].type.dialect_impl(dialect), dialect) for name, column in columns.items()
    ]


def _converted(values: list[Any], kind: TypeEngine[Any], dialect: Dialect) -> list[Any]:
    convert = kind.bind_processor(dialect)
    if convert is None:
        return values
    done = {value: convert(value) for value in set(values)}  # many rows, few days and instants
    return [done[value] for value in values]
