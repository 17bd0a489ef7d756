"""The lanes above a timeline's panels: phases, faults, the recovery, what was lost; and how they cross the panels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from conformance.report.drawing import LEFT, RIGHT, WIDTH, Drawing, line, rect, short, text_at, wide
from conformance.report.span import Span
from conformance.report.timeline import Timeline
from conformance.report.wording import counted, number

LANE = 22.0
_OWN_LANES = ("fault", "block", "holder")  # kinds of bars of which only the same label shares a lane
MAX_LANES = 10


def _pack(spans: Iterable[Span], *, share: bool) -> list[list[Span]]:
    """Spans in lanes so that none covers another; the same label stays in its lane (a flapping fault is one lane).
    Others come into a lane only when it may be shared, or when there would be too many."""
    lanes: list[list[Span]] = []
    by_label: dict[str, int] = {}
    for span in spans:
        place = by_label.get(span.label)
        if place is None:
            ends = [lane[-1].end for lane in lanes] if share else []
            free = (n for n, end in enumerate(ends) if end is not None and end <= span.begin)
            place = next(free, min(len(lanes), MAX_LANES - 1))
        if place == len(lanes):
            lanes.append([])
        lanes[place].append(span)
        by_label[span.label] = place
    return lanes


def _spread(drawing: Drawing, lanes: list[list[Span]], css: str) -> list[list[Span]]:
    """Neighbours that are too narrow for their labels take turns in two lanes, where there is room for the words."""
    found: list[list[Span]] = []
    for lane in lanes:
        cramped = any(drawing.x(_end(s, drawing)) - drawing.x(s.begin) < wide(_label(s, css)) for s in lane)
        found += [lane[0::2], lane[1::2]] if cramped and 1 < len(lane) <= 12 else [lane]
    return found


def _end(span: Span, drawing: Drawing) -> float:
    return drawing.end_s if span.end is None else span.end


def _label(span: Span, css: str) -> str:
    """Of a fault whether it was seen to bite; of anything else only that it went wrong."""
    marks = {True: " ✓" if css == "fault" else "", False: " ✗", None: ""}
    return span.label + marks[span.ok]


def bars(drawing: Drawing, title: str, css: str, spans: Sequence[Span]) -> None:
    """Lanes of bars with their labels; nothing when none of them lies on the axis."""
    shown = [span for span in spans if drawing.shows(span)]
    if not shown:
        return
    drawing.add(text_at(0, drawing.y + 15, title, "t-title"))
    lanes = _pack(shown, share=css not in _OWN_LANES)
    for lane in _spread(drawing, lanes, css) if css == "phase" else lanes:
        used = 0.0
        if css == "block":
            drawing.add(text_at(LEFT - 6, drawing.y + 14, lane[0].label, "t-note", "end"))
        for index, span in enumerate(lane):
            right = drawing.x(_end(span, drawing))
            if right - used < 0.5:
                continue  # a span in a pixel that is already painted would change nothing but the size of the page
            room = drawing.x(lane[index + 1].begin) if index + 1 < len(lane) else WIDTH - RIGHT
            used = _bar(drawing, span, css, used, room)
        drawing.y += LANE
    drawing.y += 4


def _bar(drawing: Drawing, span: Span, css: str, used: float, room: float) -> float:
    """Draw a bar, its label in it or beside it where there is room; answers up to where the lane is then used."""
    left = drawing.x(span.begin)
    right = max(drawing.x(_end(span, drawing)), left + 2.0)
    shade = " unproven" if css == "fault" and span.ok is not True else ""
    until = f"to {number(span.end)} s" if span.end is not None else "to the end"
    title = f"{span.label}, {number(span.begin)} s {until}. {span.detail}"
    drawing.add(rect(left, drawing.y + 1, right - left, LANE - 4, css + shade, title))
    text, y = "" if css == "block" else _label(span, css), drawing.y + 14
    if not text:
        return right
    if wide(text) <= right - left:
        drawing.add(text_at(left + 5, y, text))
    elif right + wide(text) <= room:
        drawing.add(text_at(right + 4, y, text))
        return right + wide(text)
    elif max(used, LEFT) + wide(text) <= left:
        drawing.add(text_at(left - 4, y, text, "", "end"))
    return right


def recovery(drawing: Drawing) -> None:
    """The recovery time with its uncertainty, as the checker measured it."""
    edges = _recovery_edges(drawing.timeline, drawing)
    if edges is None or drawing.timeline.recovery is None:
        return
    bracket, y = drawing.timeline.recovery.bracket, drawing.y
    begin, lost, surely, back = edges
    drawing.add(text_at(0, y + 15, "Recovery", "t-title"))
    title = "Dark: certainly not back. Hatched: possibly back, the uncertainty of the measurement."
    drawing.add(rect(begin, y + 1, back - begin, LANE - 4, "maybe-out", title))
    drawing.add(rect(lost, y + 1, surely - lost, LANE - 4, "surely-out", title))
    text = "not seen back" if bracket.endless else f"back after {bracket}"
    fits = back + wide(text) < WIDTH - RIGHT
    drawing.add(text_at(back + 6 if fits else begin - 6, y + 14, text, "t-strong", "" if fits else "end"))
    drawing.y += LANE + 4


def recovery_shade(drawing: Drawing, top: float, bottom: float) -> None:
    """The recovery as a shade behind the panels."""
    edges = _recovery_edges(drawing.timeline, drawing)
    if edges is None:
        return
    begin, lost, surely, back = edges
    for left, right, css in ((begin, lost, "maybe-out"), (lost, surely, "surely-out"), (surely, back, "maybe-out")):
        drawing.back.append(rect(left, top, right - left, bottom - top, f"{css} shade"))


def _recovery_edges(timeline: Timeline, drawing: Drawing) -> tuple[float, float, float, float] | None:
    """Where the site began to be lost, was lost, the service was certainly still gone, and was back at the latest."""
    loss, measured = timeline.site_loss, timeline.recovery
    if loss is None or measured is None:
        return None
    back = drawing.end_s if measured.back is None else measured.back
    return drawing.x(loss.begin), drawing.x(loss.done), drawing.x(measured.surely), drawing.x(back)


def lost_writes(drawing: Drawing) -> None:
    """The time in which writes were acknowledged that are gone."""
    lost = drawing.timeline.lost_writes
    if lost is None:
        return
    left, right = drawing.x(lost.begin), drawing.x(lost.end)
    drawing.add(text_at(0, drawing.y + 15, "Lost writes", "t-title"))
    drawing.add(rect(left, drawing.y + 1, max(right - left, 2.0), LANE - 4, "maybe-out", "Acknowledged in this time."))
    reach = number(round(lost.end - lost.begin, 3))
    text = f"{counted(lost.operations, 'write')} acknowledged in these {reach} s and lost"
    fits = right + wide(text) < WIDTH - RIGHT
    drawing.add(text_at(right + 6 if fits else left - 6, drawing.y + 14, text, "t-strong", "" if fits else "end"))
    drawing.y += LANE + 4


def site_loss(drawing: Drawing, bottom: float) -> None:
    """The line at the loss of the site, and the one at which the service had to be back."""
    loss = drawing.timeline.site_loss
    if loss is None or not drawing.begin_s <= loss.done <= drawing.end_s:
        return
    at, limit = drawing.x(loss.done), loss.begin + drawing.timeline.rto_s
    drawing.back.append(line(at, 18, at, bottom, "loss"))
    drawing.add(f'<path d="M{short(at)} 18l-5-10h10z" class="loss-flag"/>')
    side = "end" if at > WIDTH * 0.75 else "start"
    drawing.add(text_at(at + (9 if side == "start" else -9), 14, loss, "t-loss", side))
    if limit <= drawing.end_s:
        drawing.back.append(line(drawing.x(limit), 18, drawing.x(limit), bottom, "limit"))
        text = f"RTO limit {number(drawing.timeline.rto_s)} s"
        fits = drawing.x(limit) + wide(text) < WIDTH
        place = drawing.x(limit) + (4 if fits else -4)
        drawing.add(text_at(place, 14, text, "t-limit", "" if fits else "end"))
