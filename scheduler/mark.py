"""A mark outside the database of how far it had come, so that a restored backup is noticed before mail leaves twice.

A small file beside `planner.toml` (setting `state_file`). It is written before and after each delivery, and read before
the next: a database that is behind its mark was restored, and has forgotten mails that were sent. Deliveries then wait
for a person (`planner scheduler resume`); rounds go on queueing. A database that the file does not know is a new one.
"""

from __future__ import annotations

import json
import logging
import os
import socket
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from planner import i18n
from planner.domain.notification import NoticeState
from planner.errors import Refused
from planner.i18n import gettext as _
from planner.store import holds, ledger
from planner.store.engine import reading, writing
from planner.templating import vi_instant
from scheduler.files import write_whole
from scheduler.shop import Shop

log = logging.getLogger(__name__)

_SCHEMA = 1
_MOST = 20  # databases that one file remembers


def holds_back(shop: Shop, now: datetime) -> bool:
    """Say whether deliveries must wait for a person, and lay the hold if the database is found behind its mark."""
    known = _read(shop.settings.resolved_state_file)  # first: what is read of the database later can only be newer
    with reading(shop.engine) as session:
        if holds.standing(session) is not None:
            return True
        here = holds.reached(session)
    mark = _ahead(known, here)
    if mark is None:
        return False
    with writing(shop.engine) as session:
        holds.lay(session, mark, host=socket.gethostname()[:100], at=now)
    log.error("database restored, deliveries on hold", extra={"mark": mark})
    return True


def hold(shop: Shop, now: datetime, *, actor: str, reason: str, dry_run: bool = False) -> bool:
    """Stop deliveries because a person says so; False when they are on hold already."""
    mark = {"at": now.isoformat(), "actor": actor, "reason": reason}
    with writing(shop.engine, dry_run=dry_run) as session:
        return holds.lay(session, mark, host=socket.gethostname()[:100], at=now)


def keep(shop: Shop) -> None:
    """Write down how far the database has come; trouble with the file is logged, mail leaves all the same."""
    path = shop.settings.resolved_state_file
    with reading(shop.engine) as session:
        here = holds.reached(session)
    known = _read(path)
    before = known.pop(here.identity, {})
    known[here.identity] = {
        # Two services may share the file, and the one that writes later may have looked earlier.
        **{name: max(int(before.get(name, 0)), getattr(here, name)) for name in ("tick", "mail", "event")},
        "at": max(filter(None, (before.get("at"), here.at.isoformat() if here.at else None)), default=None),
        "ancestors": list(here.ancestors),
    }
    newest = dict(list(known.items())[-_MOST:])
    try:
        write_whole(path, json.dumps({"schema": _SCHEMA, "databases": newest}, indent=1) + "\n")
    except OSError as error:
        log.error("state file not written", extra={"file": str(path), "reason": error.strerror})  # noqa: TRY400


def _ahead(known: Mapping[str, Mapping[str, Any]], here: holds.Reached) -> Mapping[str, Any] | None:
    """Return the mark that `here` is behind; None: it is as far as it was, or unknown."""
    own = known.get(here.identity)
    if own is not None and (int(own["tick"]) > here.tick or int(own["mail"]) > here.mail):
        return own
    # A database of before the last resumption: it was followed by one that sent more.
    return next((mark for mark in known.values() if here.identity in mark.get("ancestors", ())), None)


def _read(path: Path) -> dict[str, dict[str, Any]]:
    try:
        content = json.loads(path.read_bytes())
        found = {str(name): dict(mark) for name, mark in content["databases"].items()}
        return {name: mark for name, mark in found.items() if {"tick", "mail"} <= mark.keys()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        log.exception("state file not read", extra={"file": str(path)})
        return {}


def resume(
    shop: Shop, now: datetime, *, assume_sent: bool, actor: str, reason: str, dry_run: bool = False
) -> tuple[int, int]:
    """Let deliveries go on after a restore.

    Args:
        shop: the tools.
        now: the instant.
        assume_sent: settle what had fallen due before the restore as told; otherwise it is sent, again perhaps.
        actor: who decides.
        reason: why.
        dry_run: leave no trace.

    Returns:
        How many notices, and how many mails, were settled as told.

    Raises:
        Refused: nothing is on hold.
    """
    with reading(shop.engine) as session:
        hold = holds.standing(session)
        if hold is None:
            raise Refused(_("Deliveries are not on hold; there is nothing to resume."))
        until = min(hold.told_until, now)
        picture = shop.picture(session, until)
    settled = (0, 0)
    with i18n.speaking(shop.settings.lang):
        judged = shop.judge(picture, until) if assume_sent else []
        text = _("Assumed told before the restore ({instant}), decided by {who}: {reason}").format(
            instant=vi_instant(until), who=actor, reason=reason
        )
    with writing(shop.engine, dry_run=dry_run) as session:
        if assume_sent:
            ledger.enqueue(session, judged, policy=shop.policy_version, at=now)
            due = {one.key for one in judged if one.state is NoticeState.QUEUED}
            settled = holds.assume_told(session, due, until=until, reason=text, at=now)
        decision = holds.ASSUME_SENT if assume_sent else holds.RESEND
        holds.end(session, decision=decision, actor=actor, reason=reason, at=now)
    if not dry_run:
        log.warning("deliveries resumed", extra={"decision": decision, "pid": os.getpid()})
        keep(shop)
    return settled
