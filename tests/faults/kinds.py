"""Every kind of fault by its name; a new one is a function in one of these files, and a line in `plan.py`."""

from __future__ import annotations

from tests.faults import kills, servers, storage, times
from tests.faults.scene import KINDS

__all__ = ["KINDS", "kills", "servers", "storage", "times"]
