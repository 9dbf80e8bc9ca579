"""Moves reminder cases to another version of the policy: the department's decision, written to the log.

What a version means is the engine's to know; here it is a hash and a document.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from planner.domain.changes import PolicyMoved
from planner.errors import NotFound, UsageRefused
from planner.i18n import gettext as _
from planner.service.desk import Desk
from planner.service.tasks import find, require_words
from planner.store import cases, registers

SUBJECT = "policy"  #: under which the log finds what concerns more than one task


def move(
    desk: Desk,
    to: cases.PolicyVersion,
    *,
    task: str | None = None,
    agency: str | None = None,
    everything: bool = False,
    reason: str,
) -> dict[str, Any]:
    """Let cases go on under version `to`: of one task, of one agency, or all of them.

    Raises:
        UsageRefused: not exactly one of the three is asked for.
        InputRejected: no reason is given.
        NotFound: there is no such task or agency.
        PermissionRefused: who acts is not of the department.
    """
    if sum((task is not None, agency is not None, everything)) != 1:
        raise UsageRefused(_("Say which cases: --task TASK, --agency CODE or --all, one of the three."))
    require_words({"--reason": reason})
    with desk.writing() as session:
        desk.require_department(session)
        subject, scope = SUBJECT, "all"
        if task is not None:
            subject = scope = find(session, desk, task).key
        elif agency is not None:
            if agency not in registers.agencies(session):
                raise NotFound(_("There is no agency {code}. See: planner agency list").format(code=agency))
            scope = agency
        wanted = {
            case: left
            for case, left in cases.living(session, but=to.hash).items()
            if everything or (case[0] == scope if task is not None else cases.agency_of(case[0]) == scope)
        }
        moved = cases.move(session, wanted, to, desk.now)
        if moved:
            change = PolicyMoved(
                policy=to.hash,
                name=to.name,
                version=to.version,
                scope=scope,
                left=tuple(sorted(Counter(wanted.values()).items())),
            )
            desk.record(session, [(subject, change)], reason=reason)
        return {"policy": to.hash, "name": to.name, "version": to.version, "scope": scope, "moved": moved}
