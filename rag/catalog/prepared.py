"""Statements compiled once, for the few that every search executes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Dialect, PoolProxiedConnection, Select
from sqlalchemy.exc import DBAPIError


@contextmanager
def wrapped(dialect: Dialect, connection: PoolProxiedConnection | None = None) -> Iterator[None]:
    """Raises what the driver raises as SQLAlchemy's own execution would."""
    driver = dialect.loaded_dbapi
    try:
        yield
    except driver.Error as error:
        lost = connection is not None and dialect.is_disconnect(error, connection, None)
        raise DBAPIError.instance(
            None,
            None,
            error,
            driver.Error,
            hide_parameters=True,
            connection_invalidated=lost,
            dialect=dialect,
        ) from error


@dataclass(frozen=True, slots=True)
class _Compiled:
    sql: str
    defaults: Mapping[str, Any]
    positions: list[str] | None
    """Parameter names in order, for drivers that take them by position."""
    processors: Sequence[tuple[int, Callable[[Any], Any]]]
    """What makes Python values of a column's raw ones, where that is needed."""


class Prepared:
    """A ``Select`` with parameters, given to the driver as it is.

    SQLAlchemy's own execution costs more than these statements do. Types and dialects stay its business: the
    text, the order of parameters and the conversion of results come from it, once.
    """

    def __init__(self, statement: Select[Any]) -> None:
        self._statement = statement
        self._compiled: dict[str, _Compiled] = {}

    def rows(self, connection: Connection, **parameters: Any) -> list[tuple[Any, ...]]:
        """All rows, each a tuple in the order of the statement's columns."""
        dialect = connection.dialect
        compiled = self._compiled.get(dialect.name)
        if compiled is None:
            compiled = self._compiled[dialect.name] = self._compile(dialect)
        values: Mapping[str, Any] = {**compiled.defaults, **parameters}
        with wrapped(dialect, connection.connection):
            cursor = connection.connection.cursor()
            try:
                if compiled.positions is None:
                    cursor.execute(compiled.sql, values)
                else:
                    cursor.execute(compiled.sql, tuple(values[name] for name in compiled.positions))
                found = cursor.fetchall()
            finally:
                cursor.close()
        return [_processed(row, compiled.processors) for row in found]

    def _compile(self, dialect: Dialect) -> _Compiled:
        compiled = self._statement.compile(dialect=dialect)
        processors = [
            (place, processor)
            for place, column in enumerate(self._statement.selected_columns)
            if (processor := column.type.dialect_impl(dialect).result_processor(dialect, None)) is not None
        ]
        positions = getattr(compiled, "positiontup", None)
        return _Compiled(str(compiled), dict(compiled.params), positions, processors)


def _processed(row: Any, processors: Sequence[tuple[int, Callable[[Any], Any]]]) -> tuple[Any, ...]:
    values = list(row)
    for place, processor in processors:
        values[place] = processor(values[place])
    return tuple(values)
