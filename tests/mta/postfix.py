"""Postfix of the system's packages, run by a test: its settings, queue, port and log are its own, not the system's.

Nothing leaves the machine: what no table names is refused, and every connection goes out from a loopback address.
"""

from __future__ import annotations

import ctypes
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from functools import cache, partial
from pathlib import Path

from tests.fakes import AGENCIES, free_port, mailbox
from tests.mta.needs import PATH

SITE = "planner.example.vn"  #: the domain of the sender, whose mail the relay keeps
DOMAINS = tuple(f"{agency.code}.example.vn" for agency in AGENCIES)
PEOPLE = tuple(mailbox(agency.code, role) for agency in AGENCIES for role in ("member", "focal", "head")) + tuple(
    mailbox("snv", f"m{n}") for n in range(100)
)
OWNER = 65534  #: "nobody", to whom the Maildirs belong

_DAEMONS = """\
127.0.0.1:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
local unix - n n - - local
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
"""


_SET_CHILD_SUBREAPER = 36  # of prctl(2)


def adopt_orphans() -> None:
    """Become the parent of what a killed master leaves behind: whoever is to wait for its daemons must be."""
    if ctypes.CDLL(None, use_errno=True).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")


@cache
def installed() -> Mapping[str, str]:
    """Return where the system's Postfix keeps its programs."""
    names = ("daemon_directory", "command_directory", "meta_directory")
    said = subprocess.run(["postconf", "-d", *names], check=True, env={"PATH": PATH}, capture_output=True, text=True)
    return dict(line.split(" = ", 1) for line in said.stdout.splitlines())


def wait_for(condition: Callable[[], object], what: str, seconds: float = 30) -> None:
    """Wait until `condition` holds.

    Raises:
        TimeoutError: it does not; says `what` was waited for.
    """
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(what)
        time.sleep(0.05)


@dataclass
class Postfix:
    """One private Postfix. `settings` are lines of main.cf, `tables` files beside it; both hold from the next start."""

    folder: Path
    name: str
    settings: dict[str, str] = field(default_factory=dict)
    tables: dict[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    _process: subprocess.Popen[bytes] | None = None

    @property
    def config(self) -> Path:
        """Return the folder of main.cf."""
        return self.folder / "etc"

    @property
    def queue(self) -> Path:
        """Return its queue directory."""
        return self.folder / "queue"

    @property
    def log(self) -> str:
        """Return what it has logged."""
        file = self.folder / "log" / "maillog"
        return file.read_text(errors="replace") if file.exists() else ""

    def start(self) -> None:
        """Start it and wait for its greeting."""
        self.write()
        output = (self.folder / "log" / "output").open("ab")
        # The master itself, in the foreground and dying with this process: a killed test leaves nothing behind.
        self._process = subprocess.Popen(
            [
                "setpriv",
                "--pdeathsig",
                "TERM",
                f"{installed()['daemon_directory']}/master",
                "-c",
                str(self.config),
                "-s",
            ],
            env={"PATH": PATH},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        output.close()
        try:
            wait_for(self._greets, f"{self.name} does not greet")
        except TimeoutError as error:
            self.stop()
            said = (self.folder / "log" / "output").read_text(errors="replace")
            raise RuntimeError(f"Postfix did not start: {error}\n{said}\n{self.log}") from error

    def _greets(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise TimeoutError(f"{self.name} ended with {self._process.returncode}")
        try:
            with (
                socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection,
                connection.makefile("rb") as answers,
            ):
                greeting = answers.readline()
                connection.sendall(b"QUIT\r\n")
                answers.readline()
        except OSError:
            return False
        return greeting.startswith(b"220")

    def stop(self, *, by: signal.Signals = signal.SIGTERM) -> None:
        """End it, with all its daemons; by SIGKILL nothing of it gets to tidy up."""
        if self._process is None:
            return
        if by is signal.SIGTERM:
            self._process.terminate()
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()
        else:
            self._process.kill()
        self._process.wait(20)
        # The daemons are in the session of the master; they are this process's own now (see `adopt_orphans`).
        left = self.processes()
        for number in left:
            os.kill(number, signal.SIGKILL)
        for number in left:
            os.waitpid(number, 0)
        assert not self.processes()
        self._process = None

    def processes(self) -> list[int]:
        """Return the numbers of its processes: those of the session that was begun for it."""
        assert self._process is not None
        found = []
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = stat.read_text().rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if int(fields[3]) == self._process.pid:
                found.append(int(stat.parent.name))
        return found

    def restart(self, **settings: str) -> None:
        """Stop it, change lines of main.cf, start it."""
        self.stop()
        self.settings.update(settings)
        self.start()

    def command(self, program: str, *arguments: str) -> str:
        """Run one of Postfix's programs on this instance; return what it printed."""
        done = subprocess.run(
            [program, "-c", str(self.config), *arguments],
            check=True,
            env={"PATH": PATH},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )
        return done.stdout

    def queued(self) -> Counter[str]:
        """Return how many messages are in which queue: "active", "deferred", "hold" ..."""
        lines = self.command("postqueue", "-j").splitlines()
        return Counter(json.loads(line)["queue_name"] for line in lines)

    def queued_to(self) -> list[str]:
        """Return for whom messages wait in the queue."""
        lines = self.command("postqueue", "-j").splitlines()
        return [one["address"] for line in lines for one in json.loads(line)["recipients"]]

    def make_maildir(self, address: str) -> Path:
        """Make the Maildir of an address before anything is delivered to it, as docs/operator.md asks."""
        made = self.maildir(address)
        for name in ("", "new", "cur", "tmp"):
            (made / name).mkdir(parents=True, exist_ok=True, mode=0o700)
        for path in (made.parent, made, *made.iterdir()):
            os.chown(path, OWNER, OWNER)
        return made

    def accepted(self) -> Counter[str]:
        """Return how often each message was taken into the queue, as the log says: by Message-ID."""
        names = dict(re.findall(r"/cleanup\[\d+\]: (\w+): message-id=(<[^>]*>)", self.log))
        taken = set(re.findall(r"/qmgr\[\d+\]: (\w+): from=<[^>]+>", self.log))
        return Counter(name for number, name in names.items() if number in taken)

    def maildir(self, address: str) -> Path:
        """Return the Maildir of an address, which may not exist yet."""
        local, _at, domain = address.partition("@")
        return self.folder / "mail" / domain / local

    def files(self) -> list[Path]:
        """Return all delivered messages."""
        return sorted((self.folder / "mail").glob("*/*/new/*"))

    def mails(self, address: str = "") -> list[EmailMessage]:
        """Return the delivered messages, all or those of one address."""
        files = sorted((self.maildir(address) / "new").glob("*")) if address else self.files()
        found = [message_from_bytes(path.read_bytes(), policy=default) for path in files]
        assert all(isinstance(one, EmailMessage) for one in found)
        return found

    def recipients(self) -> list[str]:
        """Return to whom mail was delivered, sorted."""
        return sorted(f"{path.parts[-3]}@{path.parts[-4]}" for path in self.files())

    def message_ids(self) -> Counter[str]:
        """Return how often each message was delivered."""
        return Counter(str(one["Message-ID"]) for one in self.mails())

    def write(self) -> None:
        """Write its settings, and make the folders around its queue."""
        for name in ("etc", "data", "mail", "log"):
            (self.folder / name).mkdir(exist_ok=True)
        shutil.chown(self.folder / "data", "postfix")
        os.chown(self.folder / "mail", OWNER, OWNER)
        for name, text in self.tables.items():
            (self.config / name).write_text(text)
        lines = [f"{name} = {value}" for name, value in {**installed(), **self._fixed(), **self.settings}.items()]
        (self.config / "main.cf").write_text("\n".join(lines) + "\n")
        (self.config / "master.cf").write_text(_DAEMONS.format(port=self.port))
        for path in self.config.iterdir():  # Postfix waits two seconds before it believes a new file
            os.utime(path, (time.time() - 10,) * 2)

    def _fixed(self) -> Mapping[str, str]:
        return {
            "compatibility_level": "3.6",
            "queue_directory": str(self.queue),
            "data_directory": str(self.folder / "data"),
            "maillog_file": str(self.folder / "log" / "maillog"),
            "maillog_file_prefixes": str(self.folder),
            "myhostname": f"{self.name}.{SITE}",
            "inet_interfaces": "127.0.0.1",
            "inet_protocols": "ipv4",
            "mynetworks": "127.0.0.0/8",
            "mydestination": "",
            "alias_maps": "",
            "alias_database": "",
            # Nothing leaves the machine.
            "default_transport": "error:5.4.4 nothing leaves this machine",
            "local_transport": "error:5.4.4 there are no accounts here",
            "relay_transport": "error:5.4.4 nothing leaves this machine",
            "smtp_bind_address": "127.0.0.1",
            "smtp_dns_support_level": "disabled",
            "smtp_host_lookup": "native",
            "smtpd_peername_lookup": "no",
            "notify_classes": "",
            "enable_long_queue_ids": "yes",
            "smtpd_recipient_restrictions": "permit_mynetworks, reject_unauth_destination",
            # A test has no hours to wait.
            "queue_run_delay": "1s",
            "minimal_backoff_time": "1s",
            "maximal_backoff_time": "1s",
            "transport_retry_time": "1s",
        }


@contextmanager
def mount(path: Path, options: str) -> Iterator[None]:
    """Lay a disk in memory over a folder; it must be gone again at the end."""
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "mta", str(path)],
        check=False,
        env={"PATH": PATH},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"a small disk cannot be mounted here; the tests of a full one need it: {done.stderr}"
    try:
        yield
    finally:
        subprocess.run(["umount", str(path)], check=True, env={"PATH": PATH}, capture_output=True)


def mailboxes(people: tuple[str, ...]) -> str:
    """Return the table of mailboxes: each address with its Maildir."""
    return "".join("{0} {2}/{1}/\n".format(one, *one.split("@")) for one in people)


@contextmanager
def folder_of(name: str) -> Iterator[Path]:
    """Give a folder that Postfix's own user may enter; pytest's may be entered by one user only."""
    with tempfile.TemporaryDirectory(prefix=f"mta-{name}-", ignore_cleanup_errors=False) as path:
        Path(path).chmod(0o755)
        yield Path(path)


def _is_idle(one: Postfix) -> bool:
    return not one.queued()


@dataclass(frozen=True)
class Mta:
    """The relay that planner speaks to, and the destination behind it, where people have their mailboxes."""

    relay: Postfix
    destination: Postfix

    @property
    def bounces(self) -> Path:
        """Return the Maildir of the sender, where reports come back."""
        return self.relay.maildir(f"khong-tra-loi@{SITE}")

    def settle(self, seconds: float = 30) -> None:
        """Wait until both queues are empty."""
        # Twice over: a report is made before its cause leaves the queue, but may pass from one server to the other.
        for one in (self.relay, self.destination) * 2:
            wait_for(partial(_is_idle, one), f"the queue of {one.name} does not empty", seconds)


@contextmanager
def empty_queue() -> Iterator[Path]:
    """Let Postfix make its queue directory, which takes it seconds; the tests get copies."""
    with folder_of("queue") as path:
        model = Postfix(path, "model")
        model.queue.mkdir()
        model.write()
        model.command("postfix", "check")
        yield model.queue


@contextmanager
def running(queue: Path) -> Iterator[Mta]:
    """Run both servers: the relay passes on what is for the agencies, keeps what comes back, and takes nothing else."""
    adopt_orphans()
    with folder_of("relay") as near, folder_of("destination") as far:
        destination = Postfix(far, "destination")
        relay = Postfix(near, "relay")
        relay.tables = {
            "transport": "".join(f"{domain} smtp:[127.0.0.1]:{destination.port}\n" for domain in DOMAINS),
            # The lines of docs/operator.md: the mailbox to which mail comes back, whatever stands behind the "+".
            "mailboxes": mailboxes((f"khong-tra-loi@{SITE}",)),
            "recipients": "".join(f"@{domain} x\n" for domain in DOMAINS),
        }
        relay.settings = {
            "transport_maps": f"texthash:{relay.config}/transport",
            "relay_domains": ", ".join(DOMAINS),
            "relay_recipient_maps": f"texthash:{relay.config}/recipients",
            "recipient_delimiter": "+",
            "virtual_mailbox_domains": SITE,
            "virtual_mailbox_base": str(near / "mail"),
            "virtual_mailbox_maps": f"texthash:{relay.config}/mailboxes",
            "virtual_uid_maps": f"static:{OWNER}",
            "virtual_gid_maps": f"static:{OWNER}",
        }
        destination.tables = {
            "mailboxes": mailboxes(PEOPLE),
            "transport": f"{SITE} smtp:[127.0.0.1]:{relay.port}\n",
        }
        destination.settings = {
            "transport_maps": f"texthash:{destination.config}/transport",
            "virtual_mailbox_domains": ", ".join(DOMAINS),
            "virtual_mailbox_base": str(far / "mail"),
            "virtual_mailbox_maps": f"texthash:{destination.config}/mailboxes",
            "virtual_uid_maps": f"static:{OWNER}",
            "virtual_gid_maps": f"static:{OWNER}",
        }
        for one in (relay, destination):
            subprocess.run(["cp", "-a", str(queue), str(one.queue)], check=True)
        relay.make_maildir(f"khong-tra-loi@{SITE}")
        try:
            relay.start()
            destination.start()
            yield Mta(relay, destination)
        finally:
            relay.stop()
            destination.stop()
