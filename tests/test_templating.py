"""Templates: the site's before the shipped ones, strict, escaped in HTML, and unable to reach out."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from planner import i18n
from planner.errors import InputRejected
from planner.templating import environment, number, render, templates_folder, vi_date, vi_instant


@pytest.fixture
def site(tmp_path: Path) -> Path:
    environment.cache_clear()
    return tmp_path


def write(site: Path, name: str, text: str) -> None:
    (site / name).parent.mkdir(parents=True, exist_ok=True)
    (site / name).write_text(text, encoding="utf-8")


def shipped() -> list[str]:
    return environment().list_templates()


def test_the_shipped_templates_are_found_and_all_can_be_read() -> None:
    assert shipped()
    for name in shipped():
        environment().get_template(name)
    assert templates_folder().is_dir()


def test_a_template_of_the_site_stands_before_the_shipped_one(site: Path) -> None:
    name = shipped()[0]
    write(site, name, "của tỉnh")
    assert render(name, {}, site) == "của tỉnh"
    assert set(environment(site).list_templates()) == set(shipped())


def test_an_unknown_name_is_an_error_and_not_a_gap(site: Path) -> None:
    write(site, "a.txt", "Kính gửi {{ nobody }}")
    with pytest.raises(InputRejected, match="UndefinedError"):
        render("a.txt", {}, site)


@pytest.mark.parametrize(("name", "wanted"), [("a.html", "&lt;b&gt;"), ("a.txt", "<b>"), ("a.xml", "&lt;b&gt;")])
def test_html_is_escaped_and_text_is_not(site: Path, name: str, wanted: str) -> None:
    write(site, name, "{{ x }}")
    assert render(name, {"x": "<b>"}, site) == wanted


@pytest.mark.parametrize(
    "text",
    ["{{ ''.__class__.__mro__ }}", "{{ x.append(1) }}", "{{ x.__init__.__globals__ }}", "{% set _ = x.clear() %}"],
)
def test_a_template_formats_and_does_not_reach_out(site: Path, text: str) -> None:
    write(site, "a.txt", text)
    with pytest.raises(InputRejected, match="SecurityError"):
        render("a.txt", {"x": [1]}, site)


@pytest.mark.parametrize("name", ["../secret.txt", "/etc/passwd", "a/../../secret.txt"])
def test_a_template_outside_its_folder_is_not_found(site: Path, name: str) -> None:
    (site / "secret.txt").write_text("x")
    (site / "templates").mkdir()
    with pytest.raises(InputRejected, match="TemplateNotFound"):
        render(name, {}, site / "templates")


def test_texts_in_templates_are_translated_in_the_language_in_force(site: Path) -> None:
    write(site, "a.txt", "{{ _('overdue') }} {{ day | vi_date }} {{ n | number(2) }}")
    facts = {"day": date(2020, 6, 5), "n": 21914.5}
    with i18n.speaking("en"):
        assert render("a.txt", facts, site) == "overdue 05/6/2020 21,914.50"
    with i18n.speaking("vi"):
        assert render("a.txt", facts, site) == "quá hạn 05/6/2020 21.914,50"


@pytest.mark.parametrize(
    ("day", "wanted"),
    [
        (date(2020, 1, 5), "05/01/2020"),
        (date(2020, 2, 29), "29/02/2020"),
        (date(2020, 3, 5), "05/3/2020"),
        (date(2020, 12, 31), "31/12/2020"),
        (None, ""),
    ],
)
def test_a_date_is_written_as_the_decree_has_it(day: date | None, wanted: str) -> None:
    assert vi_date(day) == wanted


def test_an_instant_is_told_in_the_provinces_time() -> None:
    assert vi_instant(datetime(2020, 6, 4, 17, 30, tzinfo=UTC)) == "00:30 05/6/2020"


@pytest.mark.parametrize(
    ("value", "digits", "vi", "en"),
    [
        (0, 0, "0", "0"),
        (21914, 0, "21.914", "21,914"),
        (98.615, 2, "98,61", "98.61"),
        (-1234.5, 1, "-1.234,5", "-1,234.5"),
    ],
)
def test_a_number_is_written_as_the_language_has_it(value: float, digits: int, vi: str, en: str) -> None:
    with i18n.speaking("vi"):
        assert number(value, digits) == vi
    with i18n.speaking("en"):
        assert number(value, digits) == en


def test_a_language_spoken_inside_is_forgotten_outside() -> None:
    with i18n.speaking("en"):
        assert i18n.language() == "en"
        with i18n.speaking("fr"):
            assert i18n.language() == "en"
    assert i18n.language() == "vi"
