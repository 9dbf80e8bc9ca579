"""The signed address to which mail comes back."""

from datetime import timedelta

import pytest

from planner.config import LONGEST_SIGNED
from scheduler.envelope import VALID, Opened, opened, signed
from scheduler.message import is_address
from tests.fakes import at

KEY, NOW = b"0123456789abcdef0123456789abcdef", at("2020-05-18")
SENDER = "khong-tra-loi@planner.example.vn"


@pytest.mark.parametrize("number", [1, 35, 36, 4711, 2**63 - 1])
def test_a_signed_address_says_which_mail_it_was(number: int) -> None:
    address = signed(SENDER, number, NOW, KEY)
    assert address.startswith("khong-tra-loi+")
    assert address.endswith("@planner.example.vn")
    assert is_address(address)
    assert opened(address, NOW, KEY) == Opened(mail_id=number)


def test_the_longest_signed_address_fits_into_64_octets() -> None:
    address = signed("a" * LONGEST_SIGNED + "@b.vn", 2**63 - 1, at("2099-12-31"), KEY)
    assert len(address.partition("@")[0]) == 64
    assert is_address(address)


def test_a_server_that_folds_letters_does_no_harm() -> None:
    found = opened(signed("Planner@planner.example.vn", 41, NOW, KEY).upper(), NOW, KEY)
    assert found == Opened(mail_id=41)


def test_another_secret_another_mail_or_another_day_is_not_believed() -> None:
    address = signed(SENDER, 41, NOW, KEY)
    number, last, mac = address.partition("+")[2].partition("@")[0].split(".")
    forged = [
        signed(SENDER, 41, NOW, b"another secret of 32 octets long"),
        address.replace(f"+{number}.", "+16."),
        address.replace(f".{last}.", ".zzzz."),
        address.replace(mac, "0" * 16),
    ]
    for one in forged:
        found = opened(one, NOW, KEY)
        assert found is not None
        assert found.mail_id is None, one
        assert "signature" in found.reason or "Chữ ký" in found.reason


def test_it_counts_for_fourteen_days() -> None:
    address = signed(SENDER, 41, NOW, KEY)
    assert opened(address, NOW + VALID, KEY) == Opened(mail_id=41)
    late = opened(address, NOW + VALID + timedelta(days=1), KEY)
    assert late is not None
    assert late.mail_id is None
    assert late.reason


@pytest.mark.parametrize("address", ["", SENDER, "an@stttt.example.vn", "a+b@c.vn", "a+1.2.3@c.vn", "a+.2." + "0" * 16])
def test_any_other_address_is_none_of_ours(address: str) -> None:
    assert opened(address, NOW, KEY) is None
