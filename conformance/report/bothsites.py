"""The part of a scenario that shows both sites: the network as a graph, the VMs and every resource side by side."""

from __future__ import annotations

from jinja2 import Template
from markupsafe import Markup

from conformance.model import Evidence, ScenarioRecord
from conformance.model.results import ScenarioResult
from conformance.report.comparison import compare
from conformance.report.losses import SHOWN
from conformance.report.network import Graph, merged
from conformance.report.network_svg import describe, draw

NETWORK_KINDS = ("network difference", "difference", "network")
_MACHINE_KINDS = ("server", "server group", "volume")
_COLUMNS = ("role", "flavor", "image", "volumes", "affinity", "ports", "status", "serving")
_ANCHOR = "@anchor@"


class BothSites:
    """Renders the part for one scenario after the other. With ``share``, what is to the letter the part of an earlier
    scenario is a link to it: among hundreds of scenarios the same VNF is deployed again and again."""

    def __init__(self, template: Template, *, share: bool) -> None:
        self._template = template
        self._share = share
        self._first: dict[str, tuple[str, str]] = {}

    def render(self, scenario: ScenarioResult, record: ScenarioRecord, anchor: str) -> Markup:
        """The part as HTML; it says so where an inventory is missing."""
        comparison = compare(record)
        found = [e for check in scenario.checks for e in check.verdict.evidence]
        graph = None
        if comparison is not None:
            both = record.inventories[comparison.first_name], record.inventories[comparison.second_name]
            graph = merged(*both, (e for e in found if e.kind in (*NETWORK_KINDS, *_MACHINE_KINDS)))
        html = self._template.render(
            anchor=_ANCHOR,
            comparison=comparison,
            columns=_COLUMNS,
            graph=_drawn(graph),
            caption=describe(graph) if graph else "",
            differences=_differences(found),
        )
        same = self._first.setdefault(html, (anchor, scenario.info.name)) if comparison else (anchor, "")
        if self._share and same[0] != anchor:
            link = Markup('<h4>Network and VMs at both sites</h4><p class="note">To the letter what is shown under ')
            return link + Markup('<a href="#{}-sites">{}</a>.</p>').format(*same)
        return Markup(html.replace(_ANCHOR, anchor))


def _drawn(graph: Graph | None) -> Markup | None:
    """The drawing; of a site without anything there is none."""
    return draw(graph, f"{_ANCHOR}-network") if graph and (graph.rows or graph.columns) else None


def _differences(found: list[Evidence]) -> list[Evidence]:
    return [evidence for evidence in found if evidence.kind in NETWORK_KINDS][:SHOWN]
