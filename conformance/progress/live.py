"""The live view in a terminal: sentences scroll by, and below them stands what is going on now."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from types import TracebackType

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from conformance.progress.events import ProgressEvent
from conformance.progress.plain import sentence
from conformance.progress.view import Scene, View, after

_BARS = "▁▂▃▄▅▆▇█"
_COLOURS = {"PASS": "green", "FAIL": "bold red", "INCONCLUSIVE": "yellow", "ERROR": "bold red", "WARNING": "yellow"}


class LiveView(AbstractContextManager["LiveView"]):
    """Rich's live display. Colour only repeats what a word beside it says, and NO_COLOR leaves it out."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._began = time.monotonic()
        self._view = View()
        self._live = Live(
            get_renderable=self._render, console=console, refresh_per_second=4, transient=True, redirect_stdout=False
        )

    def __enter__(self) -> LiveView:
        self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        self._live.stop()

    def write(self, elapsed_s: float, event: ProgressEvent) -> None:
        """Take the event in, and print its sentence above the view if it has one."""
        self._began = time.monotonic() - elapsed_s
        self._view = after(self._view, elapsed_s, event)
        text = sentence(event, numbered=self._view.side_by_side > 1)
        if text is not None:
            self._console.print(Text.assemble((f"{elapsed_s:7.1f} s  ", "dim"), _coloured(text)), soft_wrap=True)

    def _render(self) -> RenderableType:
        return render(self._view, time.monotonic() - self._began)


def render(view: View, elapsed_s: float) -> RenderableType:
    """The view as it is ``elapsed_s`` seconds after the start."""
    clock = f"{clocked(elapsed_s)} gone"
    left = view.left_s(elapsed_s)
    if left is not None:
        clock += f", about {clocked(left)} left"
    elif view.scenes and view.planned is not None and view.planned > 1:
        clock += ", time left is known after the first scenario"
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True, min_width=len("scenario"))
    table.add_column(overflow="ellipsis", no_wrap=True)
    for scene in view.scenes:
        of = f" of {view.planned}" if view.planned else ""
        table.add_row("scenario", Text(f"{scene.number}{of}  {scene.name}", style="bold"))
        table.add_row("phase", Text(scene.phase or (view.doing if len(view.scenes) == 1 else "")))
        table.add_row("faults", _faults(scene.faults))
        table.add_row("service", _service(scene))
    if view.scenes and view.verdicts:
        table.add_row("checks", Text(", ".join(f"{view.verdicts.count(v)} {v}" for v in dict.fromkeys(view.verdicts))))
    if not view.scenes:
        table.add_row("doing", Text(view.doing))
    table.add_row("time", Text(clock))
    return Group(Text(), table)


def clocked(seconds: float) -> str:
    """``47 s`` or ``3 min 05 s``."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


def sparkline(values: Sequence[float | None]) -> str:
    """Values as bars, the highest the fullest; × where there is none."""
    top = max((v for v in values if v is not None), default=0.0)
    return "".join("×" if v is None else _BARS[min(7, int(8 * v / top)) if top else 0] for v in values)


def _faults(faults: tuple[tuple[str, bool | None], ...]) -> Text:
    words = {True: ("bites", "bold red"), False: ("does not bite", "yellow"), None: ("not yet seen to bite", "dim")}
    text = Text(", ").join(Text.assemble(f"{name} ", words[bit]) for name, bit in faults)
    return text if faults else Text("none", style="dim")


def _service(scene: Scene) -> Text:
    sample = scene.sample
    if sample is None:
        return Text("not in use", style="dim")
    latency = "no answer"
    if sample.latency_p50_ms is not None:
        latency = f"latency {sample.latency_p50_ms:.1f} ms (slowest {sample.latency_max_ms:.1f} ms)"
    errors = "" if sample.error_share is None else f"{sample.error_share:.1%} of probes failed"
    style = "red" if sample.probes_failed or sample.writes_failed_per_s else ""
    parts = (f"{sample.writes_per_s:.0f} writes/s   {latency}   ", (errors, style), f"   {sparkline(scene.latencies)}")
    return Text.assemble(*parts)


def _coloured(text: str) -> Text:
    shown = Text(text)
    word = text.split(maxsplit=1)[0].rstrip(":") if text.strip() else ""
    if word in _COLOURS:
        shown.highlight_words([word], style=_COLOURS[word])
    return shown
