"""What the tests with a real Postfix need of the machine: `python -m tests.mta.needs` exits with 1 if it is missing."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator

PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])
INSTALL = (
    "echo 'postfix postfix/main_mailer_type select No configuration' | debconf-set-selections && "
    "DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends postfix openssl"
)


def missing() -> Iterator[str]:
    """Yield what is missing, each with what to do."""
    if os.geteuid() != 0:
        yield "not root: Postfix changes its user and the full disk is a mount of its own; run as root"
    if shutil.which("postfix", path=PATH) is None:
        yield f"no Postfix: {INSTALL}"
    for name in ("openssl", "setpriv", "mount", "umount"):
        if shutil.which(name, path=PATH) is None:
            yield f"no {name} (on Debian in the packages openssl, util-linux, mount)"


def main() -> int:
    """Say what is missing."""
    found = list(missing())
    for line in found:
        print(line, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
