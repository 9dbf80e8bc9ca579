"""The settings: `planner.toml`, searched upward from the current folder; then PLANNER_* variables; then options.

Frozen. Knows no database. A relative SQLite path counts from the folder of `planner.toml`. No password stands in a
setting: `smtp_password_file` names a file that holds it.
"""

from __future__ import annotations

import os
import re
import tomllib
import unicodedata
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from planner.errors import InputRejected, Problem, WorldFailed, words_of
from planner.i18n import N_
from planner.i18n import gettext as _

FILE_NAME = "planner.toml"
STATE_FILE_NAME = "planner-state.json"
ZONE = ZoneInfo("Asia/Ho_Chi_Minh")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Every setting, with its default; `SETTINGS` describes each for people."""

    home: Path  #: folder of planner.toml, or the current folder
    database_url: str = "sqlite:///planner.db"
    lang: str = "vi"
    user: str | None = None
    department: str = "stttt"
    auto_accept: bool = True
    policy_file: Path | None = None
    templates_dir: Path | None = None
    calendar_file: Path | None = None
    smtp_host: str = "localhost"
    smtp_port: int = 25
    smtp_tls: Literal["tls", "starttls", "none"] = "starttls"
    smtp_user: str | None = None
    smtp_password_file: Path | None = None
    smtp_ca_file: Path | None = None
    mail_from: str = "khong-tra-loi@planner.example.vn"
    mail_from_name: str = "Hệ thống theo dõi kế hoạch"
    bounce_key_file: Path | None = None
    bounce_maildir: Path | None = None
    smtp_connections: int = 16
    delivery_lease: int = 900
    tick_seconds: int = 60
    audit_seconds: int = 300
    heartbeat_file: Path | None = None
    heartbeat_url: str | None = None
    state_file: Path | None = None
    operator: str | None = None
    due_soon: int = 5
    report_place: str = "Thanh Hóa"
    report_superior: str = "UBND TỈNH THANH HÓA"
    report_signer_post: str = "GIÁM ĐỐC"
    report_signer_name: str = ""

    @property
    def resolved_database_url(self) -> str:
        """Return the URL with a relative SQLite path made absolute from `home`."""
        prefix = "sqlite:///"
        if not self.database_url.startswith(prefix):
            return self.database_url
        path = self.database_url.removeprefix(prefix)
        if path in ("", ":memory:") or Path(path).is_absolute():
            return self.database_url
        return prefix + str(self.home / path)

    @property
    def resolved_state_file(self) -> Path:
        """Return the file outside the database that says how far the engine had come."""
        return self.state_file or self.home / STATE_FILE_NAME

    def bounce_key(self) -> bytes | None:
        """Return the secret that signs the address to which mail comes back; None: nothing is signed.

        Raises:
            WorldFailed: the file cannot be read, or holds too little to be a secret.
        """
        path = self.bounce_key_file
        if path is None:
            return None
        try:
            with path.open("rb") as file:
                key = file.read(_LONGEST_KEY).strip()
        except OSError as error:
            raise WorldFailed(
                _("The file {path} with the secret for bounces cannot be read: {reason}").format(
                    path=path, reason=words_of(error)
                )
            ) from error
        if len(key) < _SHORTEST_KEY:
            raise WorldFailed(
                _("The secret in {path} is too short; make one with: openssl rand -hex 32 > {path}").format(path=path)
            )
        return key


_SHORTEST_KEY, _LONGEST_KEY = 16, 4096  #: octets


@dataclass(frozen=True)
class SettingInfo:
    """How one setting is written and what it does."""

    name: str  #: field of Settings
    table: str  #: [table] in planner.toml
    key: str  #: key in that table
    variable: str  #: PLANNER_... variable
    help: str  #: message id


SETTINGS: tuple[SettingInfo, ...] = (
    SettingInfo("database_url", "database", "url", "PLANNER_DATABASE_URL", N_("Where the data is kept.")),
    SettingInfo("lang", "planner", "lang", "PLANNER_LANG", N_("Language of what people read: vi or en.")),
    SettingInfo("user", "planner", "user", "PLANNER_USER", N_("E-mail of the person who acts.")),
    SettingInfo("department", "planner", "department", "PLANNER_DEPARTMENT", N_("Code of the monitoring agency.")),
    SettingInfo(
        "auto_accept",
        "planner",
        "auto_accept",
        "PLANNER_AUTO_ACCEPT",
        N_("Accept a plan without problems as it is filed; otherwise the department accepts it."),
    ),
    SettingInfo("policy_file", "policy", "file", "PLANNER_POLICY_FILE", N_("The reminder ladder; default: shipped.")),
    SettingInfo(
        "templates_dir",
        "planner",
        "templates_dir",
        "PLANNER_TEMPLATES_DIR",
        N_("Folder whose templates stand before the shipped ones."),
    ),
    SettingInfo(
        "calendar_file",
        "planner",
        "calendar_file",
        "PLANNER_CALENDAR_FILE",
        N_("CSV of days off and days worked on top of the public holidays."),
    ),
    SettingInfo("smtp_host", "smtp", "host", "PLANNER_SMTP_HOST", N_("Mail server.")),
    SettingInfo("smtp_port", "smtp", "port", "PLANNER_SMTP_PORT", N_("Its port.")),
    SettingInfo("smtp_tls", "smtp", "tls", "PLANNER_SMTP_TLS", N_("tls, starttls, or none (to this machine only).")),
    SettingInfo("smtp_user", "smtp", "user", "PLANNER_SMTP_USER", N_("Account on the mail server.")),
    SettingInfo(
        "smtp_password_file", "smtp", "password_file", "PLANNER_SMTP_PASSWORD_FILE", N_("File with its password.")
    ),
    SettingInfo(
        "smtp_ca_file",
        "smtp",
        "ca_file",
        "PLANNER_SMTP_CA_FILE",
        N_("PEM file with the authority that vouches for the mail server, when it is your own."),
    ),
    SettingInfo("mail_from", "smtp", "from", "PLANNER_MAIL_FROM", N_("Sender's address.")),
    SettingInfo("mail_from_name", "smtp", "from_name", "PLANNER_MAIL_FROM_NAME", N_("Sender's name.")),
    SettingInfo(
        "bounce_key_file",
        "smtp",
        "bounce_key_file",
        "PLANNER_BOUNCE_KEY_FILE",
        N_("File with the secret that signs the address to which mail comes back; without it bounces are not read."),
    ),
    SettingInfo(
        "bounce_maildir",
        "smtp",
        "bounce_maildir",
        "PLANNER_BOUNCE_MAILDIR",
        N_("Maildir in which each round looks for bounces."),
    ),
    SettingInfo(
        "smtp_connections",
        "smtp",
        "connections",
        "PLANNER_SMTP_CONNECTIONS",
        N_("Most connections to the mail server at a time."),
    ),
    SettingInfo(
        "delivery_lease",
        "smtp",
        "lease",
        "PLANNER_DELIVERY_LEASE",
        N_("Seconds a worker may hold a mail before another takes it over."),
    ),
    SettingInfo(
        "tick_seconds",
        "scheduler",
        "tick_seconds",
        "PLANNER_TICK_SECONDS",
        N_("Seconds from one round of the service to the next."),
    ),
    SettingInfo(
        "audit_seconds",
        "scheduler",
        "audit_seconds",
        "PLANNER_AUDIT_SECONDS",
        N_("Seconds from one look of the auditor to the next."),
    ),
    SettingInfo(
        "heartbeat_file",
        "scheduler",
        "heartbeat_file",
        "PLANNER_HEARTBEAT_FILE",
        N_("File that is written anew after each look of the auditor that found nothing wrong."),
    ),
    SettingInfo(
        "heartbeat_url",
        "scheduler",
        "heartbeat_url",
        "PLANNER_HEARTBEAT_URL",
        N_("Address (https) that is called after each look of the auditor that found nothing wrong."),
    ),
    SettingInfo(
        "state_file",
        "scheduler",
        "state_file",
        "PLANNER_STATE_FILE",
        N_("File that says how far the engine had come, so that a restored database is noticed."),
    ),
    SettingInfo(
        "operator",
        "scheduler",
        "operator",
        "PLANNER_OPERATOR",
        N_("E-mail of the person who gets a line each working day about the engine itself."),
    ),
    SettingInfo(
        "due_soon",
        "report",
        "due_soon",
        "PLANNER_DUE_SOON",
        N_("Working days before the last day from which a task counts as due soon; the ladder's first rung."),
    ),
    SettingInfo("report_place", "report", "place", "PLANNER_REPORT_PLACE", N_("Place in the date line of reports.")),
    SettingInfo(
        "report_superior", "report", "superior", "PLANNER_REPORT_SUPERIOR", N_("Superior agency at the top left.")
    ),
    SettingInfo("report_signer_post", "report", "signer_post", "PLANNER_REPORT_SIGNER_POST", N_("Post of the signer.")),
    SettingInfo("report_signer_name", "report", "signer_name", "PLANNER_REPORT_SIGNER_NAME", N_("Name of the signer.")),
)


def find_file(start: Path) -> Path | None:
    """Return the nearest planner.toml in `start` or above it."""
    for folder in (start, *start.parents):
        if (folder / FILE_NAME).is_file():
            return folder / FILE_NAME
    return None


def load(start: Path | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings in force for a command run in `start` (default: the current folder).

    Raises:
        InputRejected: planner.toml or a variable cannot be read, names an unknown setting, or holds a wrong value;
            every problem is listed.
    """
    here = (start or Path.cwd()).resolve()
    env = os.environ if environ is None else environ
    file = find_file(here)
    problems: list[Problem] = []
    raw: dict[str, tuple[str, Any]] = {}
    if file is not None:
        raw.update(_read_file(file, problems))
    for info in SETTINGS:
        if env.get(info.variable):
            raw[info.name] = (info.variable, env[info.variable])
    settings = Settings(home=file.parent if file else here)
    values: dict[str, Any] = {}
    types = {f.name: str(f.type) for f in fields(Settings)}
    for name, (place, value) in raw.items():
        try:
            values[name] = _convert(types[name], value, settings.home)
        except ValueError as error:
            problems.append(Problem(place=place, code="setting_value", message=str(error)))
    settings = replace(settings, **values)
    problems.extend(_check(settings, raw))
    if problems:
        raise InputRejected(_("The settings have problems; correct them and run the command again."), problems)
    return settings


def _read_file(file: Path, problems: list[Problem]) -> dict[str, tuple[str, Any]]:
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        problems.append(Problem(place=str(file), code="setting_file", message=words_of(error)))
        return {}
    known = {(info.table, info.key): info.name for info in SETTINGS}
    found: dict[str, tuple[str, Any]] = {}
    for table, content in document.items():
        for key, value in content.items() if isinstance(content, dict) else [("", content)]:
            place = f"{file}: [{table}] {key}"
            name = known.get((table, key))
            if name is None:
                expected = ", ".join(f"[{i.table}] {i.key}" for i in SETTINGS)
                message = _("No such setting. Known settings: {names}.").format(names=expected)
                problems.append(Problem(place=place, code="setting_unknown", message=message))
            else:
                found[name] = (place, value)
    return found


def _convert(kind: str, value: Any, home: Path) -> Any:
    if kind == "bool":
        if isinstance(value, bool):
            return value
        words = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
        if str(value).lower() in words:
            return words[str(value).lower()]
        raise ValueError(_("Found {value!r}, expected true or false.").format(value=value))
    if kind == "int":
        if isinstance(value, int | str) and not isinstance(value, bool):
            with suppress(ValueError):
                return int(value)
        raise ValueError(_("Found {value!r}, expected a whole number.").format(value=value))
    if not isinstance(value, str):
        raise ValueError(_("Found {value!r}, expected text in quotes.").format(value=value))  # noqa: TRY004 - told as every wrong value is
    if any(unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp") for letter in value):
        raise ValueError(_("{value} holds a control character; type it again.").format(value=ascii(value)))
    if kind.startswith("Path"):
        return (home / value).resolve()
    return value


_MAILBOX = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
#: letters before @ in the sender's address to which a signature can be added: 64, less "+", 13, ".", 4, "." and 16
LONGEST_SIGNED = 28
_DAY = 86_400  #: seconds
_MOST_CONNECTIONS = 50  #: as many as Postfix takes from one client by default
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def _is_safe(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError:
        return False
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and host in _LOOPBACK))


def _check_mail(settings: Settings, wrong: Callable[[str, str], None]) -> None:
    if settings.smtp_tls not in ("tls", "starttls", "none"):
        wrong("smtp_tls", _("Found {value!r}, expected tls, starttls or none.").format(value=settings.smtp_tls))
    elif settings.smtp_tls == "none" and settings.smtp_host not in _LOOPBACK:
        wrong("smtp_tls", _("Without encryption mail goes to this machine only; set tls or starttls."))
    if not 0 < settings.smtp_port < 65536:
        wrong("smtp_port", _("Found {value!r}, expected a port from 1 to 65535.").format(value=settings.smtp_port))
    if not 1 <= settings.smtp_connections <= _MOST_CONNECTIONS:
        message = _("Found {value!r}, expected a number from 1 to {most}.")
        wrong("smtp_connections", message.format(value=settings.smtp_connections, most=_MOST_CONNECTIONS))
    if not _MAILBOX.fullmatch(settings.mail_from):
        wrong("mail_from", _("Found {value!r}, expected one e-mail address.").format(value=settings.mail_from))
    elif settings.bounce_key_file is not None and settings.mail_from.index("@") > LONGEST_SIGNED:
        message = _("Found {value!r}; what stands before @ may have {most} letters at most when bounces are signed.")
        wrong("mail_from", message.format(value=settings.mail_from, most=LONGEST_SIGNED))


def _check(settings: Settings, raw: Mapping[str, tuple[str, Any]]) -> list[Problem]:
    found: list[Problem] = []

    def wrong(name: str, message: str) -> None:
        place = raw[name][0] if name in raw else next(f"[{i.table}] {i.key}" for i in SETTINGS if i.name == name)
        found.append(Problem(place=place, code="setting_value", message=message))

    if settings.lang not in ("vi", "en"):
        wrong("lang", _("Found {value!r}, expected vi or en.").format(value=settings.lang))
    _check_mail(settings, wrong)
    for name in ("delivery_lease", "tick_seconds", "audit_seconds"):
        seconds = getattr(settings, name)
        if not 1 <= seconds <= _DAY:
            wrong(name, _("Found {value!r}, expected seconds from 1 to {most}.").format(value=seconds, most=_DAY))
    if settings.operator is not None and not _MAILBOX.fullmatch(settings.operator):
        wrong("operator", _("Found {value!r}, expected one e-mail address.").format(value=settings.operator))
    if settings.heartbeat_url is not None and not _is_safe(settings.heartbeat_url):
        # The address may hold a secret: it is not repeated.
        wrong("heartbeat_url", _("Expected an address such as https://HOST/PATH; http goes to this machine only."))
    if settings.templates_dir is not None and not settings.templates_dir.is_dir():
        wrong("templates_dir", _("There is no folder {path}.").format(path=settings.templates_dir))
    if not 0 <= settings.due_soon <= 365:
        wrong("due_soon", _("Found {value!r}, expected days from 0 to 365.").format(value=settings.due_soon))
    return found
