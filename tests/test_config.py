"""Settings: the file, then variables; every problem at once, each with its place."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from planner.config import SETTINGS, Settings, find_file, load
from planner.errors import InputRejected


def rejected(folder: Path, toml: str = "", **env: str) -> list[tuple[str, str]]:
    (folder / "planner.toml").write_text(toml, encoding="utf-8")
    with pytest.raises(InputRejected) as error:
        load(folder, env)
    return [(problem.place, problem.code) for problem in error.value.problems]


def test_with_nothing_set_the_database_lies_beside_the_current_folder(tmp_path: Path) -> None:
    settings = load(tmp_path, {})
    assert settings == Settings(home=tmp_path)
    assert settings.resolved_database_url == f"sqlite:///{tmp_path}/planner.db"


def test_every_setting_is_described_once_and_only_those() -> None:
    names = [info.name for info in SETTINGS]
    assert sorted(names) == sorted({f.name for f in dataclasses.fields(Settings)} - {"home"})
    assert len({info.variable for info in SETTINGS}) == len({(info.table, info.key) for info in SETTINGS}) == len(names)
    assert all(info.variable.startswith("PLANNER_") and info.help for info in SETTINGS)


def test_the_nearest_file_above_counts(tmp_path: Path) -> None:
    deep = tmp_path / "a" / "b" / "c"
    deep.mkdir(parents=True)
    (tmp_path / "planner.toml").write_text('[planner]\nlang = "en"\n')
    assert find_file(deep) == tmp_path / "planner.toml"
    assert (load(deep, {}).home, load(deep, {}).lang) == (tmp_path, "en")
    (tmp_path / "a" / "planner.toml").write_text("")
    assert load(deep, {}).home == tmp_path / "a"


def test_a_variable_stands_before_the_file_and_an_empty_one_does_not(tmp_path: Path) -> None:
    (tmp_path / "planner.toml").write_text('[planner]\nlang = "en"\n[smtp]\nport = 587\ntls = "starttls"\n')
    assert load(tmp_path, {"PLANNER_LANG": "vi", "PLANNER_SMTP_PORT": "25"}).smtp_port == 25
    assert load(tmp_path, {"PLANNER_LANG": ""}).lang == "en"


@pytest.mark.parametrize("name", [info.variable for info in SETTINGS])
def test_every_setting_has_a_variable_that_works(tmp_path: Path, name: str) -> None:
    info = next(one for one in SETTINGS if one.variable == name)
    texts = {"lang": "en", "smtp_tls": "tls", "auto_accept": "no", "smtp_port": "99", "delivery_lease": "7"}
    texts |= {"smtp_connections": "3"}
    texts |= {"mail_from": "a@b.vn", "templates_dir": "."}
    texts |= {"heartbeat_url": "https://watch.example.vn/ping/1", "operator": "a@b.vn"}
    text = texts.get(info.name, "9" if info.name in ("tick_seconds", "audit_seconds", "due_soon") else "some-text")
    before, after = load(tmp_path, {}), load(tmp_path, {name: text, "PLANNER_SMTP_TLS": texts["smtp_tls"]})
    assert getattr(after, info.name) != getattr(before, info.name)


def test_a_relative_path_counts_from_the_folder_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "planner.toml").write_text('[policy]\nfile = "policies/ours.yaml"\n')
    (tmp_path / "deep").mkdir()
    assert load(tmp_path / "deep", {}).policy_file == tmp_path / "policies" / "ours.yaml"


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        ("sqlite:///data/p.db", "sqlite:///{home}/data/p.db"),
        ("sqlite:////var/p.db", "sqlite:////var/p.db"),
        ("sqlite://", "sqlite://"),
        ("sqlite:///:memory:", "sqlite:///:memory:"),
        ("postgresql+psycopg://h/p", "postgresql+psycopg://h/p"),
    ],
)
def test_only_a_relative_sqlite_path_is_made_absolute(tmp_path: Path, url: str, wanted: str) -> None:
    assert Settings(home=tmp_path, database_url=url).resolved_database_url == wanted.format(home=tmp_path)


@pytest.mark.parametrize(
    ("text", "wanted"), [("true", True), ("1", True), ("YES", True), ("false", False), ("0", False)]
)
def test_yes_and_no_are_written_in_a_few_ways(tmp_path: Path, text: str, wanted: bool) -> None:
    assert load(tmp_path, {"PLANNER_AUTO_ACCEPT": text}).auto_accept is wanted


@pytest.mark.parametrize(
    "toml",
    [
        '[planner]\nlang = "fr"',
        '[planner]\nauto_accept = "maybe"',
        "[planner]\ndepartment = 5",
        "[planner]\nuser = true",
        "[planner]\ncolour = 1",
        "planner = 1",
        "[smtp]\nport = 0",
        "[smtp]\nport = 65536",
        '[smtp]\nport = "smtp"',
        "[smtp]\nport = 25.5",
        "[smtp]\nport = true",
        "[smtp]\nlease = 0",
        "[smtp]\nlease = 86401",
        "[smtp]\nconnections = 0",
        "[smtp]\nconnections = 51",
        '[smtp]\nfrom = "nobody"',
        '[smtp]\nfrom = "a@b.vn, c@d.vn"',
        '[smtp]\nfrom_name = "line\\nbreak"',
        '[report]\nsigner_name = "bell\\u0007"',
        '[planner]\ntemplates_dir = "nowhere"',
        '[smtp]\ntls = "ssl"',
        "[smtp]\npassword_file = 1",
        "[scheduler]\ntick_seconds = 0",
        "[report]\ndue_soon = -1",
        "[database]\nurl = []",
        "[nothing]\nkey = 1",
        "[planner",
    ],
)
def test_a_wrong_value_is_a_problem_with_its_place(tmp_path: Path, toml: str) -> None:
    [(place, code)] = rejected(tmp_path, toml)
    assert str(tmp_path / "planner.toml") in place
    assert code.startswith("setting_")


def test_mail_is_encrypted_unless_a_setting_says_otherwise(tmp_path: Path) -> None:
    for host in ("localhost", "127.0.0.1", "mail.example.vn"):
        assert load(tmp_path, {"PLANNER_SMTP_HOST": host}).smtp_tls == "starttls"


def test_mail_without_encryption_stays_on_this_machine(tmp_path: Path) -> None:
    [(place, code)] = rejected(tmp_path, '[smtp]\nhost = "mail.example.vn"\ntls = "none"')
    assert ("[smtp] tls" in place, code) == (True, "setting_value")
    for host in ("localhost", "127.0.0.1", "::1"):
        assert load(tmp_path, {"PLANNER_SMTP_HOST": host, "PLANNER_SMTP_TLS": "none"}).smtp_tls == "none"


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    toml = '[planner]\nlang = "fr"\nx = 1\n[smtp]\nport = -1\n'
    found = rejected(tmp_path, toml, PLANNER_TICK_SECONDS="often", PLANNER_AUTO_ACCEPT="perhaps")
    assert len(found) == 5
    assert {"PLANNER_TICK_SECONDS", "PLANNER_AUTO_ACCEPT"} < {place for place, _code in found}


def test_a_file_saved_by_a_windows_editor_is_read(tmp_path: Path) -> None:
    (tmp_path / "planner.toml").write_text('[planner]\r\nlang = "en"\r\n', encoding="utf-8-sig")
    assert load(tmp_path, {}).lang == "en"


def test_a_file_that_is_not_utf8_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "planner.toml").write_bytes('[report]\nplace = "Thanh Hóa"'.encode("utf-16"))
    with pytest.raises(InputRejected) as error:
        load(tmp_path, {})
    assert [problem.code for problem in error.value.problems] == ["setting_file"]


def test_settings_cannot_be_changed_after_the_fact(tmp_path: Path) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        load(tmp_path, {}).lang = "en"  # type: ignore[misc]
