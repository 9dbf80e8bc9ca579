from __future__ import annotations

from planner.importer.places import in_reading_order


def test_cells_are_sorted_by_sheet_row_and_column() -> None:
    places = ["Kế hoạch!B10", "Kế hoạch!AA6", "Kế hoạch!A9", "Kế hoạch!J6", "A!C20"]
    assert sorted(places, key=in_reading_order) == [
        "A!C20",
        "Kế hoạch!J6",
        "Kế hoạch!AA6",
        "Kế hoạch!A9",
        "Kế hoạch!B10",
    ]


def test_lines_are_sorted_as_numbers_and_what_is_no_place_comes_first() -> None:
    places = ["line 12, column 9", "line 9, column 30", "kh.yaml", "line 12, column 3"]
    assert sorted(places, key=in_reading_order) == [
        "kh.yaml",
        "line 9, column 30",
        "line 12, column 3",
        "line 12, column 9",
    ]


def test_lines_are_sorted_in_either_language() -> None:
    assert sorted(["dòng 12, cột 9", "dòng 9, cột 30", "dòng 9"], key=in_reading_order) == [
        "dòng 9",
        "dòng 9, cột 30",
        "dòng 12, cột 9",
    ]
