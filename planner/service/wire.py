"""Values as JSON text: what `--json` prints and what `report -o FILE.json` writes."""

from __future__ import annotations

import json
from datetime import date
from enum import Enum
from pathlib import Path
from typing import Any


def as_json_text(data: Any) -> str:
    """Return data as one JSON document; days and instants are ISO."""
    return json.dumps(data, ensure_ascii=False, default=_plain, indent=2)


def _plain(value: Any) -> Any:
    if isinstance(value, date):  # datetimes too
        return value.isoformat()
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")
