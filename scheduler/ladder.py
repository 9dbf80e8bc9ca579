"""Who is told at each step: the person behind a role, today.

Pure: looks into the register, sends nothing. Who is away, no longer in office, or out of reach of mail falls through to
the substitute, the focal officer, the head of the agency and, last, the monitoring agency; each step is told in words.
An agency taken over wholly is answered for by its successor. Source: design notes "Agencies and people", "Reminders and
escalations".
"""

from __future__ import annotations

from collections import defaultdict
from datetime import date

from planner.domain.agency import Absence, Officer, OfficerRole
from planner.domain.filing import Owners
from planner.domain.plan import State, TaskRecord
from planner.i18n import N_
from planner.i18n import gettext as _
from planner.templating import vi_date
from scheduler.policy import Role

_NOBODY = {
    OfficerRole.HEAD: N_("{agency} has no head in the register of officers."),
    OfficerRole.FOCAL: N_("{agency} has no focal officer in the register of officers."),
}
_HEAD_FIRST = (OfficerRole.HEAD, OfficerRole.FOCAL)
_FOCAL_FIRST = (OfficerRole.FOCAL, OfficerRole.HEAD)


class Ladder:
    """The register as it stands on one day, arranged for many questions."""

    def __init__(self, state: State, today: date, department: str) -> None:
        """Arrange the register.

        Args:
            state: what holds.
            today: the local date asked about.
            department: code of the monitoring agency.
        """
        self._state, self._today, self._department = state, today, department
        self._owners = Owners(state, today)
        self._owner: dict[str, str] = {}
        self._away: dict[str, Absence] = {
            absence.officer: absence for absence in state.absences if absence.first_day <= today <= absence.last_day
        }
        self._unreached = frozenset(self._away) | frozenset(state.dead_addresses)
        self._posts: dict[tuple[str, OfficerRole], list[Officer]] = defaultdict(list)
        for _email, officer in sorted(state.officers.items()):
            if officer.is_valid_on(today):
                self._posts[officer.agency, officer.role].append(officer)
        self._found: dict[tuple[Role, str, str | None], tuple[Officer | None, str]] = {}

    def owner(self, agency: str) -> str:
        """Return the code of the agency that answers today for what was given to `agency`."""
        if agency not in self._owner:
            self._owner[agency] = self._owners.of(agency)
        return self._owner[agency]

    def agency_name(self, agency: str) -> str:
        """Return how an agency is addressed, or its code when the register does not know it."""
        return self._state.agencies[agency].name if agency in self._state.agencies else agency

    def resolve(self, role: Role, agency: str, responsible: str | None = None) -> tuple[Officer | None, str]:
        """Return the person who is told as `role`, and in words how the search fell through ("" when it did not).

        Args:
            role: as the policy names it.
            agency: code of the agency the task was given to, or that owes the plan.
            responsible: e-mail of the one who answers for the task; "" or None: the head of the agency answers.
        """
        key = (role, agency, responsible)
        if key not in self._found:
            notes: list[str] = []
            officer = self._search(role, self.owner(agency), (responsible or "").strip().lower(), notes)
            if officer is None:
                notes.append(_("Nobody could be found; complete the register of officers."))
            self._found[key] = (officer, " ".join(notes))
        return self._found[key]

    def _search(self, role: Role, agency: str, responsible: str, notes: list[str]) -> Officer | None:
        if role in (Role.DEPARTMENT, Role.CHAIRMAN_LIST):
            return self._of_department(notes)
        posts = _HEAD_FIRST if role in (Role.AGENCY_HEAD, Role.PARENT_AGENCY) else _FOCAL_FIRST
        found: Officer | None = None
        if role is Role.PARENT_AGENCY:
            here = self._state.agencies.get(agency)
            if here is None or here.parent is None:
                notes.append(_("No agency stands above {agency}.").format(agency=self.agency_name(agency)))
                return self._of_department(notes, fallen=True)
            agency = self.owner(here.parent)
        elif role is Role.SUBSTITUTE:
            found = self._stand_in(responsible, notes)
        elif role is Role.RESPONSIBLE and responsible:
            found = self._acting(responsible, notes)
        elif role is Role.RESPONSIBLE:
            posts = _HEAD_FIRST
            notes.append(_("No person is named for the task; the head of the agency answers."))
        return found or self._of_agency(agency, posts, notes) or self._of_department(notes, fallen=True)

    def _of_department(self, notes: list[str], *, fallen: bool = False) -> Officer | None:
        department = self.owner(self._department)
        if fallen:
            notes.append(_("It goes to {agency}.").format(agency=self.agency_name(department)))
        return self._of_agency(department, _FOCAL_FIRST, notes)

    def _of_agency(self, agency: str, posts: tuple[OfficerRole, ...], notes: list[str]) -> Officer | None:
        for post in posts:
            holders = self._posts.get((agency, post), [])
            if not holders:
                notes.append(_(_NOBODY[post]).format(agency=self.agency_name(agency)))
            present = next((one for one in holders if one.email not in self._unreached), None)
            if present is not None:
                return present
            for holder in holders:
                found = self._acting(holder.email, notes)
                if found is not None:
                    return found
        among = self._owners.undecided(agency)
        if among:
            names = ", ".join(self.agency_name(code) for code in among)
            message = _("It is not decided yet who answers for {agency} (among {names}).")
            notes.append(message.format(agency=self.agency_name(agency), names=names))
        return None

    def _acting(self, email: str, notes: list[str]) -> Officer | None:
        """Return the person, or the first of the chain of substitutes who is there."""
        officer = self._state.officers.get(email)
        if officer is None:
            notes.append(_("{person} is not in the register of officers.").format(person=email))
            return None
        away = self._away.get(email)
        if officer.is_valid_on(self._today) and email not in self._unreached:
            return officer
        if away is None and officer.is_valid_on(self._today):
            notes.append(_("Mail to {person} does not arrive.").format(person=officer.name))
        elif away is not None and officer.is_valid_on(self._today):
            message = _("{person} is absent until {day}.")
            notes.append(message.format(person=officer.name, day=vi_date(away.last_day)))
        else:
            notes.append(_("{person} is not in office on this day.").format(person=officer.name))
        return self._stand_in(email, notes)

    def _stand_in(self, email: str, notes: list[str]) -> Officer | None:
        seen = {email}
        officer = self._state.officers.get(email)
        while officer is not None:
            away = self._away.get(officer.email)
            named = ((away.substitute if away else None) or officer.substitute or "").strip().lower()
            if not named:
                notes.append(_("{person} has no substitute.").format(person=officer.name))
                return None
            if named in seen:
                notes.append(
                    _("The substitutes of {person} lead back to the same persons.").format(person=officer.name)
                )
                return None
            seen.add(named)
            officer = self._state.officers.get(named)
            if officer is None:
                notes.append(_("{person} is not in the register of officers.").format(person=named))
            elif officer.is_valid_on(self._today) and named not in self._unreached:
                notes.append(_("{person} stands in.").format(person=officer.name))
                return officer
        return None


def resolve(
    role: Role, subject: TaskRecord | str, state: State, today: date, *, department: str
) -> tuple[Officer | None, str]:
    """Return the person told as `role` of one task, or of an agency (by code), and how the search fell through.

    For many questions make one `Ladder`.
    """
    ladder = Ladder(state, today, department)
    if isinstance(subject, TaskRecord):
        return ladder.resolve(role, subject.agency, subject.task.responsible)
    return ladder.resolve(role, subject)
