"""Certificates made for a test by the `openssl` command: an authority, and what it signs."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

_SETTINGS = """\
[ca]
default_ca = here
[here]
database = index
serial = serial
unique_subject = no
new_certs_dir = .
default_md = sha256
policy = any
[any]
commonName = supplied
"""
_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """A certificate with its key, as Postfix takes them."""

    file: Path
    key: Path


class Authority:
    """An authority of one's own, with the folder in which it works."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._folder = folder
        (folder / "index").touch()
        (folder / "settings").write_text(_SETTINGS)
        usage = ("-addext", "keyUsage=critical,keyCertSign,cRLSign")
        self._run(
            "req", "-x509", *_KEY, "-days", "2", "-subj", "/CN=CA", *usage, "-keyout", "key.pem", "-out", "ca.pem"
        )

    @property
    def file(self) -> Path:
        """Return its own certificate, which those who trust it have."""
        return self._folder / "ca.pem"

    def certificate(self, name: str, *, end: str = "20991231000000Z") -> Certificate:
        """Return a new certificate for a host's name, valid from 2020 to `end`."""
        (self._folder / "extensions").write_text(f"subjectAltName=DNS:{name}\nauthorityKeyIdentifier=keyid\n")
        stem = f"{name}-{end}"
        self._run("req", *_KEY, "-subj", f"/CN={name}", "-keyout", f"{stem}.key", "-out", "request")
        self._run(
            *(
                "ca",
                "-batch",
                "-notext",
                "-rand_serial",
                "-config",
                "settings",
                "-cert",
                "ca.pem",
                "-keyfile",
                "key.pem",
            ),
            *("-startdate", "20200101000000Z", "-enddate", end, "-extfile", "extensions"),
            *("-in", "request", "-out", f"{stem}.pem"),
        )
        return Certificate(file=self._folder / f"{stem}.pem", key=self._folder / f"{stem}.key")

    def _run(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], check=True, cwd=self._folder, capture_output=True)
