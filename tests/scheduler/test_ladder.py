"""Who stands behind a role: the person, the substitute, and where the search falls through."""

from datetime import UTC, date, datetime

import pytest

from planner.domain.agency import Absence, Agency, Officer, OfficerRole, Succession, Tier
from planner.domain.deadline import Deadline, DeadlineKind
from planner.domain.plan import PlannedTask, State, TaskRecord
from planner.i18n import speaking
from scheduler.ladder import Ladder, resolve
from scheduler.policy import Role

DAY = date(2020, 5, 20)
AGENCIES = (
    Agency(code="stttt", name="Sở Thông tin và Truyền thông", tier=Tier.DEPARTMENT),
    Agency(code="h-tinh-gia", name="UBND huyện Tĩnh Gia", tier=Tier.DISTRICT, valid_to=date(2020, 5, 31)),
    Agency(code="tx-nghi-son", name="UBND thị xã Nghi Sơn", tier=Tier.DISTRICT, valid_from=date(2020, 6, 1)),
    Agency(code="x-hai-an", name="UBND xã Hải An", tier=Tier.COMMUNE, parent="h-tinh-gia"),
)
SUCCESSIONS = (Succession(from_code="h-tinh-gia", to_code="tx-nghi-son", on=date(2020, 6, 1)),)


def officer(
    name: str,
    agency: str,
    role: OfficerRole = OfficerRole.MEMBER,
    substitute: str | None = None,
    until: date | None = None,
) -> Officer:
    return Officer(
        email=f"{name}@example.vn",
        name=name.title(),
        title="",
        agency=agency,
        role=role,
        substitute=f"{substitute}@example.vn" if substitute else None,
        valid_to=until,
    )


def away(name: str, substitute: str | None = None, first: date = DAY, last: date = date(2020, 6, 30)) -> Absence:
    return Absence(
        officer=f"{name}@example.vn",
        first_day=first,
        last_day=last,
        substitute=f"{substitute}@example.vn" if substitute else None,
    )


STAFF = (
    officer("an", "h-tinh-gia", substitute="binh"),
    officer("binh", "h-tinh-gia"),
    officer("focal", "h-tinh-gia", OfficerRole.FOCAL),
    officer("head", "h-tinh-gia", OfficerRole.HEAD),
    officer("monitor", "stttt", OfficerRole.FOCAL),
    officer("director", "stttt", OfficerRole.HEAD),
    officer("commune", "x-hai-an", OfficerRole.HEAD),
    officer("mayor", "tx-nghi-son", OfficerRole.HEAD),
)


def state(*absences: Absence, staff: tuple[Officer, ...] = STAFF, without: str = "") -> State:
    gone = {f"{name}@example.vn" for name in without.split()}
    return State(
        at=datetime(2020, 5, 20, tzinfo=UTC),
        agencies={agency.code: agency for agency in AGENCIES},
        officers={one.email: one for one in staff if one.email not in gone},
        absences=absences,
        successions=SUCCESSIONS,
        directives={},
        plans={},
        tasks={},
    )


def told(
    role: Role,
    found: State,
    *,
    agency: str = "h-tinh-gia",
    responsible: str | None = "an@example.vn",
    today: date = DAY,
) -> str:
    person, how = Ladder(found, today, "stttt").resolve(role, agency, responsible)
    assert person is not None, how
    return person.email.removesuffix("@example.vn")


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        (Role.RESPONSIBLE, "an"),
        (Role.FOCAL, "focal"),
        (Role.AGENCY_HEAD, "head"),
        (Role.DEPARTMENT, "monitor"),
        (Role.CHAIRMAN_LIST, "monitor"),
    ],
)
def test_each_role_has_its_person_and_nothing_to_explain(role: Role, expected: str) -> None:
    person, how = Ladder(state(), DAY, "stttt").resolve(role, "h-tinh-gia", "An@Example.VN ")
    assert person is not None
    assert person.email == f"{expected}@example.vn"
    assert how == ""


def test_a_commune_has_the_head_of_its_district_above_it() -> None:
    assert told(Role.PARENT_AGENCY, state(), agency="x-hai-an") == "head"


def test_a_commune_has_the_successor_of_its_district_above_it() -> None:
    assert told(Role.PARENT_AGENCY, state(), agency="x-hai-an", today=date(2020, 6, 1)) == "mayor"


def test_a_department_without_an_agency_above_falls_to_the_monitoring_agency() -> None:
    with speaking("en"):
        person, how = Ladder(state(), DAY, "stttt").resolve(Role.PARENT_AGENCY, "h-tinh-gia")
    assert person is not None
    assert person.email == "monitor@example.vn"
    assert how == "No agency stands above UBND huyện Tĩnh Gia. It goes to Sở Thông tin và Truyền thông."


def test_an_absent_person_falls_through_to_the_substitute_in_words() -> None:
    with speaking("en"):
        person, how = Ladder(state(away("an")), DAY, "stttt").resolve(Role.RESPONSIBLE, "h-tinh-gia", "an@example.vn")
    assert person is not None
    assert person.email == "binh@example.vn"
    assert how == "An is absent until 30/6/2020. Binh stands in."


@pytest.mark.parametrize("today", [date(2020, 5, 20), date(2020, 5, 22)])
def test_both_ends_of_an_absence_count(today: date) -> None:
    found = state(away("an", first=date(2020, 5, 20), last=date(2020, 5, 22)))
    assert told(Role.RESPONSIBLE, found, today=today) == "binh"
    assert told(Role.RESPONSIBLE, found, today=date(2020, 5, 19)) == "an"
    assert told(Role.RESPONSIBLE, found, today=date(2020, 5, 23)) == "an"


def test_the_substitute_of_the_absence_stands_before_the_usual_one() -> None:
    assert told(Role.RESPONSIBLE, state(away("an", substitute="focal"))) == "focal"


def test_a_substitute_who_is_away_has_a_substitute() -> None:
    assert told(Role.RESPONSIBLE, state(away("an"), away("binh", substitute="head"))) == "head"


def test_substitutes_who_name_each_other_do_not_hang_but_fall_to_the_focal_officer() -> None:
    with speaking("en"):
        person, how = Ladder(state(away("an"), away("binh", substitute="an")), DAY, "stttt").resolve(
            Role.RESPONSIBLE, "h-tinh-gia", "an@example.vn"
        )
    assert person is not None
    assert person.email == "focal@example.vn"
    assert "lead back to the same persons" in how


def test_a_person_who_left_office_falls_through() -> None:
    staff = (officer("an", "h-tinh-gia", until=date(2020, 5, 19)), *STAFF[1:])
    assert told(Role.RESPONSIBLE, state(staff=staff)) == "focal"
    assert told(Role.RESPONSIBLE, state(staff=staff), today=date(2020, 5, 19)) == "an"


def test_a_head_whose_term_has_ended_is_no_longer_told() -> None:
    staff = tuple(one for one in STAFF if one.name != "Head")
    former = officer("former", "h-tinh-gia", OfficerRole.HEAD, until=date(2020, 5, 19))
    assert told(Role.AGENCY_HEAD, state(staff=(*staff, former))) == "focal"
    assert told(Role.AGENCY_HEAD, state(staff=(*staff, former)), today=date(2020, 5, 19)) == "former"


def test_a_name_without_a_mailbox_falls_to_the_focal_officer_then_the_head_then_the_monitoring_agency() -> None:
    name = "Nguyễn Văn Không Hộp Thư"
    assert told(Role.RESPONSIBLE, state(), responsible=name) == "focal"
    assert told(Role.RESPONSIBLE, state(without="focal"), responsible=name) == "head"
    assert told(Role.RESPONSIBLE, state(without="focal head"), responsible=name) == "monitor"


def test_where_no_person_is_named_the_head_answers() -> None:
    assert told(Role.RESPONSIBLE, state(), responsible="") == "head"
    assert told(Role.RESPONSIBLE, state(without="head"), responsible="") == "focal"


def test_an_absent_head_falls_to_the_focal_officer() -> None:
    assert told(Role.AGENCY_HEAD, state(away("head"))) == "focal"
    assert told(Role.AGENCY_HEAD, state(away("head", substitute="binh"))) == "binh"


def test_a_second_focal_officer_who_is_there_is_told_before_any_substitute() -> None:
    staff = (*STAFF, officer("zoe", "h-tinh-gia", OfficerRole.FOCAL))
    assert told(Role.FOCAL, state(away("focal", substitute="binh"), staff=staff)) == "zoe"


def test_the_substitute_is_told_in_that_role_also_while_the_person_is_there() -> None:
    assert told(Role.SUBSTITUTE, state()) == "binh"


def test_without_a_substitute_the_role_substitute_falls_to_the_focal_officer() -> None:
    assert told(Role.SUBSTITUTE, state(), responsible="binh@example.vn") == "focal"


def test_what_tinh_gia_was_given_nghi_son_answers_for_from_its_first_day() -> None:
    assert told(Role.AGENCY_HEAD, state(), today=date(2020, 5, 31)) == "head"
    assert told(Role.AGENCY_HEAD, state(), today=date(2020, 6, 1)) == "mayor"


def test_nobody_at_all_is_said_and_not_hidden() -> None:
    with speaking("en"):
        person, how = Ladder(state(staff=()), DAY, "stttt").resolve(Role.AGENCY_HEAD, "h-tinh-gia")
    assert person is None
    assert how.startswith("UBND huyện Tĩnh Gia has no head in the register of officers.")
    assert how.endswith("Nobody could be found; complete the register of officers.")


def test_a_partial_succession_is_not_decided_here_but_told() -> None:
    found = state()
    split = tuple(
        Succession(from_code="h-tinh-gia", to_code=to, on=date(2020, 5, 1), extent="partial")
        for to in ("tx-nghi-son", "x-hai-an")
    )
    alone = State(
        at=found.at,
        agencies=found.agencies,
        officers={email: one for email, one in found.officers.items() if one.agency == "stttt"},
        absences=(),
        successions=split,
        directives={},
        plans={},
        tasks={},
    )
    with speaking("en"):
        person, how = Ladder(alone, DAY, "stttt").resolve(Role.AGENCY_HEAD, "h-tinh-gia")
    assert person is not None
    assert person.email == "monitor@example.vn"
    assert "It is not decided yet who answers for UBND huyện Tĩnh Gia" in how
    assert "UBND thị xã Nghi Sơn" in how


def test_one_question_can_be_asked_of_a_task_or_of_an_agency() -> None:
    task = PlannedTask(
        code="I.1",
        title="",
        responsible="binh@example.vn",
        deadline=Deadline(text="", kind=DeadlineKind.NONE),
    )
    record = TaskRecord(plan="kl/h-tinh-gia", agency="h-tinh-gia", goal="I", task=task, last_day=None)
    person, _how = resolve(Role.RESPONSIBLE, record, state(), DAY, department="stttt")
    assert person is not None
    assert person.email == "binh@example.vn"
    head, _how = resolve(Role.AGENCY_HEAD, "x-hai-an", state(), DAY, department="stttt")
    assert head is not None
    assert head.email == "commune@example.vn"
