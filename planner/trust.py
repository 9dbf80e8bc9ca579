"""Which mail server is trusted, and in a clerk's words why one is not and what to do about it.

Knows no mail and no database. Source: RFC 3207 (STARTTLS); the codes of X509_verify_cert(3) of OpenSSL.
"""

from __future__ import annotations

import re
import socket
import ssl
from pathlib import Path

from planner.errors import WorldFailed, words_of
from planner.i18n import gettext as _

_EXPIRED = 10  # X509_V_ERR_CERT_HAS_EXPIRED
_NOT_YET = 9  # X509_V_ERR_CERT_NOT_YET_VALID
_OTHER_NAME = (62, 64)  # X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH
_UNKNOWN = (2, 18, 19, 20, 21)  # issuer not found, self-signed, chain of an unknown root

_BEGIN, _MOST_PEM = "-----BEGIN CERTIFICATE-----", 1024 * 1024


def context(ca_file: Path | None) -> ssl.SSLContext:
    """Return what verifies the certificate of the mail server and its name.

    Args:
        ca_file: PEM file with the authorities that are trusted, and no others; None: those of this machine.

    Raises:
        WorldFailed: the file cannot be read, or holds no certificate.
    """
    if ca_file is None:
        return ssl.create_default_context()
    try:
        with ca_file.open("rb") as file:
            pem = file.read(_MOST_PEM).decode("ascii", "replace")
        # Without any certificate the library would take those of the machine.
        return ssl.create_default_context(cadata=pem if _BEGIN in pem else _BEGIN)
    except ssl.SSLError as error:  # an OSError too, hence first
        raise WorldFailed(_refusal(ca_file, _("it holds no certificate in PEM form"))) from error
    except OSError as error:
        raise WorldFailed(_refusal(ca_file, words_of(error))) from error


def _refusal(path: Path, reason: str) -> str:
    return _("The file {path} with the authorities of the mail server (ca_file) cannot be used: {reason}").format(
        path=path, reason=reason
    )


def why(error: BaseException) -> str:
    """Return why an encrypted connection did not come about, with what to do; "" when it has to do with no encryption.

    Looks at the causes of the error too, which the mail library wraps.
    """
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, ssl.SSLCertVerificationError):
            return _of_certificate(seen)
        if isinstance(seen, ssl.SSLError):
            return _("no encrypted connection came about ({reason}); see whether tls and port go together").format(
                reason=getattr(seen, "reason", None) or type(seen).__name__
            )
        seen = seen.__cause__ or seen.__context__
    return ""


def _of_certificate(error: ssl.SSLCertVerificationError) -> str:
    code = error.verify_code
    if code == _EXPIRED:
        return _("its certificate has expired; have it renewed on the mail server")
    if code == _NOT_YET:
        return _("its certificate is not valid yet; see whether the clock of this machine is right")
    if code in _OTHER_NAME:
        return _("its certificate is for another name; set host under [smtp] to the name in the certificate")
    if code in _UNKNOWN:
        return _(
            "its certificate comes from an authority that is not trusted here; "
            "if it is your own, name the file with its certificate in ca_file under [smtp]"
        )
    return _("its certificate is refused: {reason}").format(reason=error.verify_message)


def no_starttls() -> str:
    """Return what to do when a server does not offer STARTTLS."""
    return _(
        "it does not offer STARTTLS; have it set up there, or set tls under [smtp] to tls, with the port for it (465)"
    )


def greeting(host: str, port: int, tls: str, ca_file: Path | None, *, seconds: float = 5) -> str:
    """Return the first line of a mail server, once the connection is as safe as `tls` asks.

    Args:
        host: its name.
        port: its port.
        tls: "tls", "starttls" or "none".
        ca_file: as for `context`.
        seconds: to wait for each answer.

    Raises:
        WorldFailed: it does not answer as it should; says what to do.
    """
    try:
        with socket.create_connection((host, port), timeout=seconds) as plain:
            if tls == "tls":
                with context(ca_file).wrap_socket(plain, server_hostname=host) as safe:
                    return _reply(safe)
            first = _reply(plain)
            if tls == "starttls":
                plain.sendall(b"EHLO localhost\r\n")
                if not re.search(r"^250[ -]STARTTLS\b", _reply(plain), re.IGNORECASE | re.MULTILINE):
                    raise WorldFailed(no_starttls())
                plain.sendall(b"STARTTLS\r\n")
                answer = _reply(plain)
                if not answer.startswith("220"):
                    raise WorldFailed(answer)
                with context(ca_file).wrap_socket(plain, server_hostname=host):
                    pass
            return first.partition("\n")[0].strip()
    except OSError as error:
        raise WorldFailed(why(error) or words_of(error)) from error


_MOST = 4096  #: octets of an answer that are looked at


def _reply(connection: socket.socket) -> str:
    """Return one reply, with all its lines."""
    data = b""
    while len(data) < _MOST and not re.search(rb"(?:^|\n)\d{3}(?: [^\n]*)?\r?\n\Z", data):
        some = connection.recv(_MOST)
        if not some:
            break
        data += some
    return data.decode("ascii", "replace").strip()
