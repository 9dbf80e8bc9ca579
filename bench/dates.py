"""How long it takes to read deadlines, beside folding the same texts: usual ones, and the worst of the longest size.

Sizes are texts. No text of 500 characters may cost more than some milliseconds, whatever stands in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import partial
from itertools import product

from bench.timing import arguments, compare, show
from planner.importer.date_words import fold
from planner.importer.dates import LONGEST, parse_deadline

_SIGNED = date(2020, 4, 29)
_USUAL = ("trước ngày 15/5/2020", "Quý II/2020", "hằng tháng", "22/5/2020", "Từ ngày 22/5/2020 trở đi", "kịp thời")
_PIECES = (
    "từ ",
    "1",
    " - ",
    "thứ hai ",
    "hằng tháng ",
    "dự kiến ",
    "tháng 5, ",
    "ngày 1/1/2020 ",
    "a đến b ",
    "quý I ",
)


def main() -> None:
    """Measure and print."""
    options = arguments(__doc__ or "")
    worst = [((a + b) * LONGEST)[:LONGEST] for a, b in product(_PIECES, _PIECES)]
    usual = [_USUAL[n % len(_USUAL)] for n in range(len(worst))]
    cases = {
        "fold usual texts": partial(_fold, usual),
        "read usual texts": partial(_read, usual),
        "fold the longest texts": partial(_fold, worst),
        "read the longest texts": partial(_read, worst),
    }
    show("dates", compare(cases, size=len(worst), rounds=5), as_json=options.json)


def _fold(texts: Sequence[str]) -> None:
    for text in texts:
        fold(text)


def _read(texts: Sequence[str]) -> None:
    for text in texts:
        parse_deadline(text, signed=_SIGNED)


if __name__ == "__main__":
    main()
