"""STARTTLS with a real Postfix: to whom mail is given, to whom it is not, and what a person reads then."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from planner.i18n import speaking
from planner.service.doctor import doctor
from tests.fakes import Province, run_json
from tests.mta.certificates import Authority, Certificate
from tests.mta.postfix import Mta
from tests.mta.rounds import AN, NOW, arrived_once, many_late_tasks, tick

LATER = NOW + timedelta(minutes=2)


@pytest.fixture
def authority(mta: Mta) -> Authority:
    return Authority(mta.relay.folder / "authority")


@pytest.fixture
def careful(small: Province, authority: Authority) -> Iterator[Province]:
    """A province that gives mail to "localhost" only, by STARTTLS, as our own authority vouches; 40 mails wait."""
    many_late_tasks(small)
    with speaking("en"):
        yield small.with_settings(smtp_host="localhost", smtp_tls="starttls", smtp_ca_file=authority.file)


def offer(mta: Mta, certificate: Certificate, level: str = "may") -> None:
    """Let the relay offer STARTTLS with a certificate."""
    mta.relay.restart(
        smtpd_tls_security_level=level,
        smtpd_tls_cert_file=str(certificate.file),
        smtpd_tls_key_file=str(certificate.key),
        smtpd_tls_loglevel="1",
        smtpd_tls_received_header="yes",
    )


def test_mail_is_given_to_a_relay_that_our_own_authority_vouches_for(
    careful: Province, mta: Mta, authority: Authority
) -> None:
    offer(mta, authority.certificate("localhost"), "encrypt")
    assert tick(careful, NOW).sent == 41
    mta.settle()
    assert arrived_once(careful, mta.destination) == 41
    for mail in mta.destination.mails():
        assert any("using TLSv1.3" in str(one) for one in mail.get_all("Received", []))


def test_the_authorities_of_the_machine_hold_without_a_file(careful: Province, mta: Mta, authority: Authority) -> None:
    offer(mta, authority.certificate("localhost"), "encrypt")
    more = {"PLANNER_SMTP_HOST": "localhost", "PLANNER_SMTP_TLS": "starttls", "PLANNER_NOW": NOW.isoformat()}
    environment = careful.environment(**more)
    home = careful.shop.settings.home
    said = run_json("scheduler", "tick", environment=environment, cwd=home, code=5)
    assert "ca_file" in said["error"]["message"]
    environment["PLANNER_NOW"] = LATER.isoformat()
    done = run_json("scheduler", "tick", environment=environment | {"SSL_CERT_FILE": str(authority.file)}, cwd=home)
    assert done["sent"] == 41
    mta.settle()
    assert arrived_once(careful, mta.destination) == 41


def _unknown(authority: Authority, folder: Path) -> Certificate:
    return Authority(folder / "other").certificate("localhost")


def _other_name(authority: Authority, folder: Path) -> Certificate:
    return authority.certificate("mail.example.vn")


def _expired(authority: Authority, folder: Path) -> Certificate:
    return authority.certificate("localhost", end="20200102000000Z")


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (
            _unknown,
            "authority that is not trusted here; if it is your own, name the file with its certificate in ca_file",
        ),
        (_other_name, "for another name; set host under [smtp] to the name in the certificate"),
        (_expired, "has expired; have it renewed on the mail server"),
        (None, "does not offer STARTTLS; have it set up there"),
    ],
    ids=["unknown authority", "other name", "expired", "not offered"],
)
def test_a_relay_that_is_not_to_be_trusted_gets_nothing_and_a_person_reads_what_to_do(
    careful: Province, mta: Mta, authority: Authority, made: object, said: str
) -> None:
    if callable(made):
        offer(mta, made(authority, mta.relay.folder))
    done = tick(careful, NOW)
    assert (done.queued, done.sent, done.failed, done.unknown) == (80, 0, 0, 0)
    assert said in done.channel_fault
    # Nothing was said to it beyond the greeting, and nothing counts against anybody.
    assert "mail=" not in mta.relay.log
    assert set(careful.mails("state", "attempts")) == {("ready", 0)}
    desk = careful.desk(NOW)
    (check,) = [one for one in doctor(replace(desk, settings=careful.shop.settings)) if one.name == "smtp"]
    assert not check.ok
    assert said in check.detail

    offer(mta, authority.certificate("localhost"))
    (check,) = [one for one in doctor(replace(desk, settings=careful.shop.settings)) if one.name == "smtp"]
    assert (check.ok, "ESMTP Postfix" in check.detail) == (True, True)
    assert tick(careful, LATER).sent == 41
    mta.settle()
    assert arrived_once(careful, mta.destination) == 41


def test_a_relay_that_wants_encryption_gets_it_or_says_so(careful: Province, mta: Mta, authority: Authority) -> None:
    offer(mta, authority.certificate("localhost"), "encrypt")
    done = tick(careful.with_settings(smtp_tls="none"), NOW)
    assert (done.sent, done.failed) == (0, 0)
    assert "530" in done.channel_fault
    assert tick(careful, LATER).sent == 41
    mta.settle()
    assert AN not in mta.destination.recipients()
    assert arrived_once(careful, mta.destination) == 41
