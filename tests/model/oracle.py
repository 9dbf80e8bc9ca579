"""What the engine ought to do, worked out the slow way: by plain loops over days, people and notices.

Written from the pages about reminders alone, to be compared with the engine. It shares no code with it: no calendar, no
rule, no ladder of it is used here, only words that stand in the policy. Everything is recomputed at every round.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime

from tests.model.facts import DAY, Facts, Key, Mail, Post, Row, Rung, Task, Told, moved_on, working_day, works

DOES_THE_WORK = ("responsible", "substitute")


class Register:
    """Who stands behind a role on a day."""

    def __init__(self, facts: Facts, today: date) -> None:
        self.facts, self.today = facts, today

    def owner(self, agency: str) -> str:
        """Return who answers for an agency today."""
        while agency in self.facts.successors and self.facts.successors[agency][0] <= self.today:
            agency = self.facts.successors[agency][1]
        return agency

    def away(self, email: str) -> tuple[str, date, date, str] | None:
        """Return somebody's absence today."""
        for one in self.facts.absences:
            if one[0] == email and one[1] <= self.today <= one[2]:
                return one
        return None

    def there(self, email: str) -> bool:
        """Say whether somebody can be told today."""
        person = self.facts.people.get(email)
        return (
            person is not None
            and self.today <= person.last_day
            and self.away(email) is None
            and email not in self.facts.dead
        )

    def stand_in(self, email: str) -> str:
        """Return the first of the chain of substitutes who is there, or ""."""
        asked = [email]
        while email in self.facts.people:
            away = self.away(email)
            email = (away[3] if away else "") or self.facts.people[email].substitute
            if not email or email in asked:
                return ""
            asked.append(email)
            if self.there(email):
                return email
        return ""

    def holder(self, agency: str, post: str) -> str:
        """Return the holder of a post who is there, or who stands in, or ""."""
        for person in self.facts.people.values():
            if person.agency == agency and person.post == post and self.today <= person.last_day:
                return person.email if self.there(person.email) else self.stand_in(person.email)
        return ""

    def find(self, role: str, agency: str, responsible: str) -> str:
        """Return the address of who is told as `role`, or ""."""
        agency = self.owner(agency)
        order = ("focal", "head")
        found = ""
        if role in ("department", "chairman_list"):
            agency = self.facts.department
        elif role == "agency_head":
            order = ("head", "focal")
        elif role == "parent_agency":
            order = ("head", "focal")
            agency = self.facts.parents.get(agency, "")
            agency = self.owner(agency) if agency else ""
        elif role == "substitute":
            found = self.stand_in(responsible)
        elif role == "responsible" and responsible:
            found = responsible if self.there(responsible) else self.stand_in(responsible)
        elif role == "responsible":
            order = ("head", "focal")
        for post in order:
            found = found or self.holder(agency, post)
        for post in ("focal", "head"):
            found = found or self.holder(self.facts.department, post)
        return found


class Foresight:
    """When each task will be done, as far as can be told today."""

    def __init__(self, tasks: dict[str, Task], today: date) -> None:
        self.tasks, self.today = tasks, today
        self.known: dict[str, date | None] = {}

    def finish(self, task: Task) -> date | None:
        """Return the last day of the work; None: none is done."""
        if task.key not in self.known:
            self.known[task.key] = self._finish(task)
        return self.known[task.key]

    def is_in_danger(self, task: Task) -> bool:
        """Say whether a task that is not late yet will be."""
        finish = self.finish(task) if task.is_open and self.today <= task.last_day else None
        return finish is not None and finish > task.last_day

    def _finish(self, task: Task) -> date | None:
        if not task.is_open:
            return task.handed_in if task.state in ("submitted", "confirmed") else None
        before = [self.tasks[key] for key in task.after]
        done = [day for one in before if (day := self.finish(one)) is not None]
        free = working_day(max(done), 1) if done else date.min  # nothing that it waits for is in the way any more
        if task.length is not None:
            left = max(1, -(-task.length * (100 - task.percent) // 100))
            return self._end(moved_on(max(self.today, task.start or date.min, free)), left)
        planned = task.start or min(self._after_the_others(task, before), task.last_day)
        earliest = moved_on(planned)
        is_pushed = free > earliest or free > task.last_day
        if not is_pushed:
            return task.last_day if self.today <= task.last_day else moved_on(self.today)
        return max(self._end(max(earliest, free), self._days(planned, task.last_day)), moved_on(self.today))

    @staticmethod
    def _after_the_others(task: Task, before: list[Task]) -> date:
        """Return when a task without a start was meant to begin: no sooner than those it waits for are due."""
        return max([task.signed, *(working_day(one.last_day, 1) for one in before)])

    @staticmethod
    def _days(first: date, last: date) -> int:
        """Return the number of working days from one day to another, at least one."""
        return max(1, sum(works(first + n * DAY) for n in range((last - first).days + 1)))

    @staticmethod
    def _end(begin: date, days: int) -> date:
        return begin if days == 1 else working_day(begin, days - 1)


class Oracle:
    """The ledger as it ought to be, kept up round by round."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.ledger: dict[Key, Row] = {}
        self.mails: list[Mail] = []
        self.over = 0  #: notices that wait at the end of a round, their reader has had the most mails of a day
        self.waited: set[Key] = set()  #: what has been one of them
        self.came_by: Counter[str] = Counter()  #: what happened that a long run must have seen

    # --- what must be told ---

    def expected(self, today: date) -> dict[Key, Told]:
        """Return everything that must have been told by the end of today."""
        found: dict[Key, Told] = {}
        register, foresight = Register(self.facts, today), Foresight(self.facts.tasks, today)
        for task in self.facts.tasks.values():
            if task.state == "submitted":
                self._climb(found, register, "submitted", task.handed_in, task.key, task.revision, task)
            if task.state == "returned":
                self._climb(found, register, "returned", task.returned, task.key, task.revision, task)
            if task.is_open:
                self._climb(found, register, "due", task.last_day, task.key, task.revision, task)
            if foresight.is_in_danger(task):
                self._climb(found, register, "at_risk", task.last_day, task.key, task.revision, task)
        for agency in self.facts.owing:
            subject = f"kl/{agency}"
            self._climb(found, register, "filing", self.facts.filing_deadline, subject, 0, None, agency)
        return found

    def _reached(self, anchor: str, day: date, today: date) -> list[tuple[date, int, Rung]]:
        """Return each occurrence of each rung so far, lowest first."""
        return sorted(
            (
                (fell, place, rung)
                for place, rung in enumerate(self.facts.ladder.rungs)
                if rung.anchor == anchor
                for fell in rung.days(day, today)
            ),
            key=lambda one: one[:2],
        )

    def _climb(  # noqa: PLR0917 - one climb has so many sides
        self,
        found: dict[Key, Told],
        register: Register,
        anchor: str,
        day: date,
        subject: str,
        revision: int,
        task: Task | None,
        agency: str = "",
    ) -> None:
        reached = self._reached(anchor, day, register.today)
        if not reached:
            return
        blocked = task is not None and anchor == "due" and self.blocker(task, register) is not None
        *lower, (top_day, _place, top) = reached
        for fell, _place, rung in lower:
            for role in rung.tell:
                found[subject, revision, rung.name, fell, role] = Told("superseded", "", "", False)
        told: set[str] = set()
        for role in top.tell:
            key = (subject, revision, top.name, top_day, role)
            who = register.find(role, task.agency if task else agency, task.responsible if task else "")
            kind = top.kind
            if kind == "overdue" and role not in ("responsible", "substitute"):
                kind = "escalation"
            held = self._held(role, blocked, task, register.today)
            if held:
                found[key] = Told("suppressed", who, kind, top.urgent, held)
            elif who and who in told:
                found[key] = Told("suppressed", who, kind, top.urgent, "told in another role")
            else:
                told.add(who)
                found[key] = Told("queued", who, "blocked" if blocked and kind != "reminder" else kind, top.urgent)

    def _held(self, role: str, blocked: bool, task: Task | None, today: date) -> str:
        """Return why a role is not told for the time being; "" when it is."""
        if task is not None and self.is_snoozed(task, today):
            return "snoozed"
        if blocked and role != "responsible":
            return "blocked"
        if task is not None and task.promise is not None and today <= task.promise and role in DOES_THE_WORK:
            return "promised"
        return ""

    @staticmethod
    def is_snoozed(task: Task, today: date) -> bool:
        """Say whether the department lets nobody be told of a task."""
        return task.snooze is not None and today <= task.snooze

    def is_late(self, task: Task, today: date) -> bool:
        """Say whether a task is overdue."""
        return task.is_open and today > task.last_day

    def blocker(self, task: Task, register: Register) -> Task | None:
        """Return the late task of another agency at the end of the chain of late ones that a late task waits for."""
        if not self.is_late(task, register.today):
            return None
        before = [self.facts.tasks[key] for key in task.after if key in self.facts.tasks]
        for one in sorted(before, key=lambda other: (other.last_day, other.key)):
            if not self.is_late(one, register.today):
                continue
            end = self.blocker(one, register) or one
            if end.key == task.key or register.owner(end.agency) == register.owner(task.agency):
                continue
            urged = not self.is_snoozed(end, register.today) and any(
                "responsible" in rung.tell for _d, _p, rung in self._reached("due", end.last_day, register.today)
            )
            if urged and register.find("responsible", end.agency, end.responsible):
                return end
        return None

    # --- a round ---

    def round(self, local: datetime, post: Post) -> list[tuple[Mail, bool]]:
        """Do what a round must do at a local time.

        Returns:
            The mails that the server takes, each with whether its answer was heard.
        """
        today = local.date()
        expected = self.expected(today)
        self.over = 0
        self._reconcile(expected, today)
        self._enter(expected)
        if not self.facts.ladder.is_open(local):
            return []
        self._write(expected, today)
        taken = self._deliver(post)
        if any(mail.state == "obsolete" and mail.given_up for mail in self.mails):
            # What still holds of a mail given up just before the message goes out in another one, in the same round.
            # What was not heard of in this very round waits a minute.
            self._write(self.expected(today), today)
            taken += self._deliver(post, but=[mail for mail, heard in taken if not heard])
        for mail in self.mails:
            mail.given_up = False
        return taken

    def _deliver(self, post: Post, but: Sequence[Mail] = ()) -> list[tuple[Mail, bool]]:
        taken = []
        waiting = [mail for mail in self.mails if mail.state in ("ready", "unknown")]
        for mail in [mail for mail in waiting if not any(mail is other for other in but)]:
            if post.down:
                return []
            if post.meanwhile is not None:
                meanwhile, post.meanwhile = post.meanwhile, None
                meanwhile()
            if mail.recipient in post.refused:
                mail.state = "bounced"
                self.facts.dead.add(mail.recipient)
            elif any(not self._holds(key) for key in mail.keys):
                mail.state, mail.given_up = "obsolete", True
                for key in mail.keys:
                    row = self.ledger[key]
                    row.state, row.mail = "queued" if self._holds(key) else "obsolete", None
                continue
            else:
                heard = mail.recipient not in post.cut
                if not heard:
                    post.hit.add(mail.recipient)
                mail.state = "sent" if heard else "unknown"
                taken.append((mail, heard))
            if mail.state != "unknown":
                for key in mail.keys:
                    self.ledger[key].state = mail.state
        return taken

    def _holds(self, key: Key) -> bool:
        """Say whether a notice still holds as far as its own task or plan goes: asked just before the message."""
        subject, revision, rung, *_rest = key
        if ":" not in subject:
            return subject.split("/")[1] in self.facts.owing
        task = self.facts.tasks[subject]
        anchor = next(one.anchor for one in self.facts.ladder.rungs if one.name == rung)
        holds = task.state == anchor if anchor in ("submitted", "returned") else task.is_open
        return holds and task.revision == revision

    def _enter(self, expected: dict[Key, Told]) -> None:
        had = {(key[:4], row.recipient) for key, row in self.ledger.items() if row.state in ("sent", "mailed")}
        for key, told in expected.items():
            row = self.ledger.get(key)
            if row is None:
                self.ledger[key] = Row(told.state, told.recipient, told.kind, why=told.why)
                self.ledger[key].until = self._end(key[0], told.why)
                self.came_by[told.why] += bool(told.why)
                continue
            if told.state != "queued" or row.state not in ("suppressed", "obsolete", "bounced"):
                continue
            if (key[:4], told.recipient) in had:
                continue  # the same step was told to the same person in another role
            if row.why:
                self.came_by[f"{row.why}{self._ended(key[0], row.why)}, told after all"] += 1
            self.ledger[key] = Row("queued", told.recipient, told.kind)

    def _end(self, subject: str, why: str) -> date | None:
        """Return the last day of the promise or the snooze that holds something back."""
        task = self.facts.tasks.get(subject)
        return {"promised": task.promise, "snoozed": task.snooze}.get(why) if task is not None else None

    def _ended(self, subject: str, why: str) -> str:
        """Say how what held something back came to an end, as far as a run must see both."""
        task = self.facts.tasks.get(subject)
        if task is None or why not in ("promised", "snoozed"):
            return ""
        return " and lifted" if (task.promise if why == "promised" else task.snooze) is None else " and over"

    def _reconcile(self, expected: dict[Key, Told], today: date) -> None:
        spoilt: list[Mail] = []
        had = {(key[:4], row.recipient) for key, row in self.ledger.items() if row.state in ("sent", "mailed")}
        for key, row in self.ledger.items():
            if not row.waits(today):
                continue
            told = expected.get(key)
            mail = row.mail
            if told is None or told.state != "queued":
                row.state, row.mail = (told.state if told else "obsolete"), None
                row.why = told.why if told else ""
                row.until = self._end(key[0], row.why)
                if row.why:
                    self.came_by[f"{row.why} while it waited"] += 1
            elif told.recipient not in ("", row.recipient) and (key[:4], told.recipient) in had:
                row.state, row.mail, row.why = "suppressed", None, ""
                self.came_by["another in one's place who had been told"] += 1
            elif (row.recipient, row.kind) != (told.recipient, told.kind):
                row.recipient, row.kind = told.recipient, told.kind
            elif mail is None or mail.state == "unknown" or mail.kind != "digest" or mail.day >= today:
                continue
            if mail is not None:
                spoilt.append(mail)
        for mail in spoilt:
            mail.state = "obsolete"
            for key in mail.keys:
                row = self.ledger[key]
                if row.state == "mailed" and row.mail is mail:
                    row.state, row.mail = "queued", None

    def _write(self, expected: dict[Key, Told], today: date) -> None:
        self.over = 0
        for recipient in sorted({row.recipient for row in self.ledger.values() if row.state == "queued"} - {""}):
            mails = [
                mail
                for mail in self.mails
                if mail.recipient == recipient and mail.day == today and mail.state != "obsolete"
            ]
            had = any(mail.kind == "digest" for mail in mails)
            keys = [
                key
                for key, row in self.ledger.items()
                if row.state == "queued" and row.recipient == recipient and (not had or expected[key].urgent)
            ]
            if self.facts.ladder.most_a_day and len(mails) >= self.facts.ladder.most_a_day:
                self.over += len(keys)
                self.waited.update(keys)
                continue
            if keys:
                self.came_by["over, told the next day"] += had is False and any(key in self.waited for key in keys)
                mail = Mail("urgent" if had else "digest", today, recipient, keys)
                self.mails.append(mail)
                for key in keys:
                    self.ledger[key].state, self.ledger[key].mail = "mailed", mail
