"""How the service writes its log: a short event, then its facts, one line each; never an address or a body."""

from __future__ import annotations

import logging

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class FactsFormatter(logging.Formatter):
    """Writes what a record carries in `extra` behind its message: `mail sent mail=12 attempt=1`."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record."""
        facts = " ".join(f"{name}={value!r}" for name, value in vars(record).items() if name not in _STANDARD)
        line = super().format(record)
        if not facts:
            return line
        first, newline, rest = line.partition("\n")  # a traceback stays behind the facts
        return f"{first} {facts}{newline}{rest}"


def log_to_stderr() -> None:
    """Send the engine's log lines to standard error."""
    handler = logging.StreamHandler()
    handler.setFormatter(FactsFormatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    for chatty in ("apscheduler", "alembic"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
