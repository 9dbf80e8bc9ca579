"""Claims of planner/reporter/{drawing,graph_layout,graph_svg,graph_text,lettering}.py."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from itertools import combinations
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.i18n import speaking
from planner.reporter.drawing import DRAWINGS, PALETTE, Drawing, Edge, Lane, Node, colours
from planner.reporter.graph_layout import MOST_ARROWS, MOST_TITLES, layout
from planner.reporter.graph_text import dot, label, mermaid
from planner.reporter.lettering import one_line, shorten, text_width
from tests.reporter.dot_grammar import Graph, parse

SVG = "{http://www.w3.org/2000/svg}"
TITLES = (
    "Rà soát, cấp chữ ký số chuyên dùng cho cán bộ, công chức",
    "Kiểm tra, đánh giá an toàn thông tin theo cấp độ đối với các hệ thống thông tin dùng chung của tỉnh",
    "Báo cáo kết quả",
    "ỨNG DỤNG PHÒNG HỌP KHÔNG GIẤY TỜ Ở CÁC XÃ, PHƯỜNG, THỊ TRẤN",
)
#: breaks a text that is put together carelessly: words, marks and escapes of SVG, DOT and Mermaid
NASTY = (
    "end",
    'a "q" `b` [x](y) {z}',
    "<script>alert(1)</script> & ]]>",
    "#35; style a:b#c; classDef x:#y;",
    "%%{init: {}}%% -- x ==> y",
    "\\N \\l \\",
    "&amp; &lt;",
    'graph } n1 -> n2; "',
    "dòng\nhai\r\n\tba\x00\x1b[31m",
    "\u202eđảo",
)


def chained(n: int, lanes: int = 8, **fields: object) -> Drawing:
    """Return a drawing of `n` tasks in lanes, each after two earlier ones, every tenth after another agency's."""
    nodes: list[Node] = []
    outside: list[Node] = []
    edges: list[Edge] = []
    for k in range(n):
        key, critical = f"{'I' * (k % lanes + 1)}.{k}", k % 7 == 0
        start = (k * 37) % 90 if k < lanes else nodes[k - lanes].finish + k % 3
        nodes.append(
            Node(
                key=key,
                title=TITLES[k % len(TITLES)] + f" {k}",
                agency="stttt",
                lane=f"L{k % lanes}",
                responsible="nguyen.van.a",
                start=start,
                finish=start + k % 9,
                tail=start + k % 9 + (0 if critical else k % 20),
                due=start + k % 11,
                slack=0 if critical else k % 20,
                critical=critical,
                state="quá hạn" if k % 4 == 0 else "trong hạn",
            )
        )
        if k >= lanes:
            edges.append(Edge(before=nodes[k - lanes].key, after=key, critical=critical))
        if k > 13:
            edges.append(Edge(before=nodes[k - 13].key, after=key))
        if k % 10 == 5:
            ref = f"vp-ubnd:{k}"
            outside.append(
                Node(
                    key=ref,
                    title="",
                    agency="vp-ubnd",
                    lane="ngoài",
                    start=start - 5,
                    finish=start,
                    tail=start,
                    outside=True,
                )
            )
            edges.append(Edge(before=ref, after=key))
    drawing = Drawing(
        title="Sở Thông tin và Truyền thông – kế hoạch số 12/KH-STTTT",
        subtitle="đường găng",
        nodes=(*outside, *nodes),
        edges=tuple(edges),
        lanes=(
            Lane(key="ngoài", title="Nhiệm vụ của cơ quan khác"),
            *(Lane(key=f"L{k}", title=f"{k}. Mục tiêu") for k in range(lanes)),
        ),
        agencies=(("stttt", "Sở Thông tin và Truyền thông"), ("vp-ubnd", "Văn phòng UBND tỉnh")),
        origin=date(2020, 5, 4),
        days_off=tuple((k, k + 2) for k in range(5, 90, 7)),
        today=20,
    )
    return replace(drawing, **fields)  # type: ignore[arg-type]


def tree(drawing: Drawing) -> ET.Element:
    return ET.fromstring(DRAWINGS["svg"](drawing))  # noqa: S314 - our own text


@pytest.mark.parametrize("n", [1, 10, 40, 100, 300])
def test_every_task_and_every_dependency_is_drawn_once_and_the_critical_ones_are_marked(n: int) -> None:
    drawing = chained(n)
    root = tree(drawing)
    tasks = [(g.get("data-task"), g.get("data-critical")) for g in root.iter(f"{SVG}g") if g.get("data-task")]
    assert sorted(tasks) == sorted((node.key, str(node.critical).lower()) for node in drawing.nodes)
    arrows = [
        (g.get("data-from"), g.get("data-to"), g.get("data-critical"))
        for g in root.iter(f"{SVG}g")
        if g.get("data-from")
    ]
    assert sorted(arrows) == sorted((e.before, e.after, str(e.critical).lower()) for e in drawing.edges)


@pytest.mark.parametrize("origin", [date(2020, 5, 4), None])
@pytest.mark.parametrize("n", [1, 10, 100])
def test_labels_stay_on_the_canvas_and_never_overlap(n: int, origin: date | None) -> None:
    laid = layout(chained(n, origin=origin))
    boxes = [(line.text, line.box) for line in laid.labels]
    assert len(boxes) > 3 * n
    for text, (left, top, right, bottom) in boxes:
        assert 0 <= left < right <= laid.width, text
        assert 0 <= top < bottom <= laid.height, text
    for (one, a), (other, b) in combinations(boxes, 2):
        apart = a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]
        assert apart, f"{one} / {other}"


@pytest.mark.parametrize("n", [10, 100])
def test_an_arrow_leads_from_the_end_of_one_bar_to_the_beginning_of_the_other_without_slanting(n: int) -> None:
    drawing = chained(n)
    laid = layout(drawing)
    bars = {bar.node.key: bar for bar in laid.bars}
    assert len(laid.routes) == len(drawing.edges)
    for route in laid.routes:
        before, after = bars[route.edge.before], bars[route.edge.after]
        (x, y), tip = route.points[0], route.points[-1]
        assert before.x + before.width <= x <= before.x + before.width + before.height
        assert y == before.middle
        assert after.x - after.height <= tip[0] <= after.x + max(after.width, 4) + 4
        assert after.y <= tip[1] <= after.y + after.height
        for a, b in zip(route.points, route.points[1:], strict=False):
            assert a[0] == b[0] or a[1] == b[1]


def test_bars_stand_where_their_days_are() -> None:
    laid = layout(chained(40))
    by_start = sorted((bar.node.start, bar.x) for bar in laid.bars)
    assert [x for _day, x in by_start] == sorted(x for _day, x in by_start)
    assert all(laid.left <= bar.x <= laid.right for bar in laid.bars)
    rows = [bar.y for bar in laid.bars]
    assert rows == sorted(set(rows))


def test_too_many_tasks_are_drawn_without_words_and_the_drawing_says_so() -> None:
    with speaking("en"):
        drawing = chained(MOST_TITLES + 1)
        root = tree(drawing)
    texts = ["".join(text.itertext()) for text in root.iter(f"{SVG}text")]
    said = f"Titles are left out: {len(drawing.nodes)} tasks are too many for words."
    assert said in texts
    assert said in (root.findtext(f"{SVG}desc") or "")
    assert not [text for text in texts if text.startswith(TITLES[2])]
    assert len([g for g in root.iter(f"{SVG}g") if g.get("data-task")]) == len(drawing.nodes)


def test_too_many_arrows_are_left_out_and_the_drawing_says_so() -> None:
    drawing = chained(20)
    many = tuple(drawing.edges[k % len(drawing.edges)] for k in range(MOST_ARROWS + 1))
    laid = layout(replace(drawing, edges=many))
    assert laid.routes == ()
    assert len(laid.left_out) == 1
    assert layout(drawing).left_out == ()


def test_ten_thousand_tasks_stay_on_a_bounded_canvas() -> None:
    laid = layout(chained(10_000))
    assert laid.height < 12_000
    assert laid.width < 2_500


def test_nothing_on_the_picture_runs_or_reaches_outside() -> None:
    nodes = tuple(
        Node(key=f"I.{k}", title=text, agency=text, lane=text, responsible=text, start=k, finish=k + 1, tail=k + 1)
        for k, text in enumerate(NASTY)
    )
    drawing = Drawing(
        title=NASTY[2],
        subtitle=NASTY[1],
        nodes=nodes,
        edges=(),
        lanes=tuple(Lane(key=text, title=text) for text in NASTY),
        agencies=tuple((text, text) for text in NASTY),
    )
    root = tree(drawing)
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= {
        "svg",
        "title",
        "desc",
        "g",
        "rect",
        "path",
        "text",
    }
    names = {name for element in root.iter() for name in element.attrib}
    assert not [name for name in names if "href" in name or name.startswith("on") or name in ("id", "class", "style")]
    assert root.findtext(f"{SVG}title") == NASTY[2]
    assert root.get("viewBox", "").startswith("0 0 ")


@pytest.mark.parametrize("suffix", DRAWINGS)
def test_the_same_drawing_gives_the_same_bytes(suffix: str) -> None:
    assert DRAWINGS[suffix](chained(60)) == DRAWINGS[suffix](chained(60))


def test_an_empty_plan_is_a_drawing_too() -> None:
    drawing = Drawing(title="", subtitle="", nodes=(), edges=(), lanes=(), agencies=())
    assert tree(drawing).tag == f"{SVG}svg"
    assert parse(dot(drawing)) == Graph()
    assert mermaid(drawing) == "flowchart LR\n"


@pytest.mark.parametrize(("first", "last"), [(0, 1), (0, 30), (0, 400), (0, 4_000), (0, 2_914_000)])
@pytest.mark.parametrize("origin", [date(2020, 5, 4), date(1, 1, 1), None])
def test_any_span_of_days_has_an_axis_whose_labels_have_room(first: int, last: int, origin: date | None) -> None:
    node = Node(key="I.1", title="", agency="a", lane="L", start=first, finish=last, tail=last)
    drawing = Drawing(
        title="x",
        subtitle="x",
        nodes=(node,),
        edges=(),
        lanes=(Lane(key="L", title="I"),),
        agencies=(("a", ""),),
        origin=origin,
    )
    laid = layout(drawing)
    assert 0 < len(laid.ticks) < 200
    for (one, a), (other, b) in combinations([(line.text, line.box) for line in laid.labels], 2):
        assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1], f"{one} / {other}"


def test_an_agency_keeps_its_colour_and_eight_agencies_have_eight() -> None:
    assert colours(["stttt"])["stttt"] == colours(["stttt"])["stttt"]
    codes = [f"a{k}" for k in range(len(PALETTE))]
    assert sorted(colours(codes).values()) == sorted(PALETTE)
    assert colours(codes) == colours(reversed(codes))


# --- letters ---


def test_a_letter_with_marks_is_as_wide_as_without_however_it_is_written() -> None:
    assert text_width("ậ", 10) == text_width("a", 10) == text_width("a\u0323\u0302", 10)
    assert text_width("ợ", 10) == text_width("ơ", 10) == 6.56
    assert text_width("Đ", 10, bold=True) == 7.22


@given(text=st.text(max_size=80), room=st.floats(0, 400))
def test_a_shortened_text_fits(text: str, room: float) -> None:
    short = shorten(one_line(text), room, 11)
    assert text_width(short, 11) <= room + 1e-6
    if text_width(one_line(text), 11) <= room:
        assert short == one_line(text)


# --- texts for other programs ---

_words = st.one_of(st.text(min_size=1, max_size=30), st.sampled_from(NASTY))


@st.composite
def _drawings(draw: st.DrawFn) -> Drawing:
    keys = draw(st.lists(_words, min_size=1, max_size=8, unique=True))
    nodes = tuple(
        Node(
            key=key,
            title=draw(_words),
            agency="a",
            lane=f"L{draw(st.integers(0, 2))}",
            critical=draw(st.booleans()),
            outside=draw(st.booleans()),
        )
        for key in keys
    )
    pairs = draw(
        st.lists(st.tuples(st.integers(0, len(keys) - 1), st.integers(0, len(keys) - 1)), max_size=12, unique=True)
    )
    return Drawing(
        title=draw(_words),
        subtitle="",
        nodes=nodes,
        edges=tuple(Edge(before=keys[a], after=keys[b], critical=draw(st.booleans())) for a, b in pairs if a < b),
        lanes=tuple(Lane(key=f"L{k}", title=draw(_words)) for k in range(3)),
        agencies=(("a", "A"),),
    )


@settings(deadline=None)
@given(drawing=_drawings())
def test_dot_holds_the_tasks_and_dependencies_of_the_plan_whatever_they_are_called(drawing: Drawing) -> None:
    graph = parse(dot(drawing))
    name = {node.key: f"n{number}" for number, node in enumerate(drawing.nodes, 1)}
    assert graph.labels == {name[node.key]: label(node) for node in drawing.nodes}
    assert sorted(graph.edges) == sorted((name[edge.before], name[edge.after]) for edge in drawing.edges)


_SUBGRAPH = re.compile(r'  subgraph goal\d+\["([^"]*)"\]')
_NODE = re.compile(r'    (n\d+)\["([^"]*)"\]')
_EDGE = re.compile(r"  (n\d+) (?:-->|==>) (n\d+)")
_CLASS = re.compile(r"  (?:classDef \w+ [\w:#,\- ]+|class n\d+(?:,n\d+)* \w+)")
_HARMLESS = re.compile(r"(?:[^\W_]|[ .,()/-]|#\d+;)*")


def shown(text: str) -> str:
    """Return a quoted Mermaid label as it is shown; every letter in it must be harmless."""
    assert _HARMLESS.fullmatch(text), text
    return re.sub(r"#(\d+);", lambda found: chr(int(found[1])), text)


@settings(deadline=None)
@given(drawing=_drawings())
def test_mermaid_holds_the_tasks_and_dependencies_of_the_plan_whatever_they_are_called(drawing: Drawing) -> None:
    first, *lines = mermaid(drawing).split("\n")
    assert first == "flowchart LR"
    labels: dict[str, str] = {}
    edges: list[tuple[str, str]] = []
    depth = 0
    for line in lines:
        if found := _NODE.fullmatch(line):
            assert depth == 1
            labels[found[1]] = shown(found[2])
        elif found := _EDGE.fullmatch(line):
            edges.append((found[1], found[2]))
        elif found := _SUBGRAPH.fullmatch(line):
            shown(found[1])
            depth += 1
        elif line == "  end":
            depth -= 1
        else:
            assert line == "" or _CLASS.fullmatch(line), line
    assert depth == 0
    name = {node.key: f"n{number}" for number, node in enumerate(drawing.nodes, 1)}
    assert labels == {name[node.key]: label(node) for node in drawing.nodes}
    assert sorted(edges) == sorted((name[edge.before], name[edge.after]) for edge in drawing.edges)
