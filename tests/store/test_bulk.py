"""Rows that are put into a table all at once come back as they were, whatever stands in them, on both databases."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select

from planner.domain.notification import NoticeKind, NoticeState
from planner.store.bulk import insert_and_tell, insert_columns, insert_new
from planner.store.engine import Engine, reading, writing
from planner.store.tables import NoticeRow, table_of

NOTICE = table_of(NoticeRow)
_DAY = st.dates(date(1970, 1, 1), date(9999, 12, 31))
_INSTANT = st.datetimes(datetime(1970, 1, 1), datetime(2999, 1, 1)).map(lambda one: one.replace(tzinfo=UTC))  # noqa: DTZ001
# What has a meaning in an array, in JSON or in SQL, and what Vietnamese is written with.
_TEXT = st.text(
    st.one_of(st.sampled_from("{},\"\\'%sNULL\n\t;ếỹ\u0301"), st.characters(codec="utf-8", exclude_characters="\0"))
)
_ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "revision": st.integers(-(2**31), 2**31 - 1),
            "nominal": _DAY,
            "reason": _TEXT,
            "recipient": _TEXT.map(lambda one: one[:200]),
            "urgent": st.booleans(),
            "queued_at": _INSTANT,
            "settled_at": st.none() | _INSTANT,
        }
    ),
    min_size=1,
    max_size=12,
)


def whole(n: int, row: dict[str, Any]) -> dict[str, Any]:
    """Return a notice's row with everything that its table wants."""
    return {
        "key": f"{n:064}",
        "kind": NoticeKind.REMINDER.value,
        "subject": "d/a:I.1",
        "rung": "due",
        "role": "responsible",
        "channel": "email",
        "state": NoticeState.QUEUED.value,
        "policy_hash": "p" * 64,
        "may_return": False,
        **row,
    }


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(rows=_ROWS, at_once=st.integers(1, 13))
def test_rows_come_back_as_they_were(engine: Engine, rows: list[dict[str, Any]], at_once: int) -> None:
    entered = [whole(n, row) for n, row in enumerate(rows)]
    columns = {name: [row[name] for row in entered] for name in entered[0]}
    with writing(engine) as session:
        session.execute(delete(NOTICE))
        assert insert_columns(session, NOTICE, columns, unique=["key"], at_once=at_once) == len(rows)
    with reading(engine) as session:
        chosen = select(*(NOTICE.c[name] for name in columns)).order_by(NOTICE.c.key)
        assert [dict(row._mapping) for row in session.execute(chosen)] == entered


def test_what_is_known_is_passed_over_and_not_counted(engine: Engine) -> None:
    row = {
        "revision": 0,
        "nominal": date(2020, 5, 15),
        "reason": "",
        "recipient": "an@a.vn",
        "urgent": False,
        "queued_at": datetime(2020, 5, 15, tzinfo=UTC),
        "settled_at": None,
    }
    later = {**row, "queued_at": datetime(2020, 5, 16, tzinfo=UTC)}
    with writing(engine) as session:
        assert insert_new(session, NOTICE, [whole(1, row)], unique=["key"]) == 1
        assert insert_new(session, NOTICE, [whole(1, later), whole(2, later)], unique=["key"]) == 1
        assert insert_new(session, NOTICE, [], unique=["key"]) == 0
    with reading(engine) as session:
        found = session.scalars(select(NOTICE.c.queued_at).order_by(NOTICE.c.key)).all()
    assert found == [row["queued_at"], later["queued_at"]]


def test_of_what_comes_in_the_chosen_columns_are_told_and_of_what_is_known_nothing(engine: Engine) -> None:
    row = {
        "revision": 0,
        "nominal": date(2020, 5, 15),
        "reason": "",
        "recipient": "an@a.vn",
        "urgent": False,
        "queued_at": datetime(2020, 5, 15, tzinfo=UTC),
        "settled_at": None,
    }

    def enter(*numbers: int) -> dict[str, int]:
        rows = [whole(n, {**row, "reason": f"{n}"}) for n in numbers]
        columns = {name: [one[name] for one in rows] for name in rows[0]}
        with writing(engine) as session:
            return dict(insert_and_tell(session, NOTICE, columns, unique=["key"], tell=["key", "id"]))

    first, second = enter(1, 2), enter(2, 3)
    with reading(engine) as session:
        stored = session.execute(select(NOTICE.c.key, NOTICE.c.id, NOTICE.c.reason).order_by(NOTICE.c.key)).all()
    assert [(int(key), reason) for key, _id, reason in stored] == [(1, "1"), (2, "2"), (3, "3")]
    assert {key: number for key, number, _reason in stored} == first | second
    assert [len(first), len(second)] == [2, 1]
