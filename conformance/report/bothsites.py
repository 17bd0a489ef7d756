"""The part of a scenario that shows both sites: the network as a graph, the VMs and every resource side by side."""

from __future__ import annotations

from jinja2 import Template
from markupsafe import Markup

from conformance.model import Evidence, ScenarioRecord
from conformance.model.results import ScenarioResult
from conformance.report.comparison import compare
from conformance.report.losses import SHOWN
from conformance.report.network import merged
from conformance.report.network_svg import describe, draw
from conformance.report.reach import compare_reach

NETWORK_KINDS = ("network difference", "difference", "network")
_MACHINE_KINDS = ("server", "server group", "volume")
_COLUMNS = ("role", "flavor", "image", "volumes", "affinity", "ports", "status", "serving")


def render_both_sites(template: Template, scenario: ScenarioResult, record: ScenarioRecord, anchor: str) -> Markup:
    """The part as HTML; it says so where an inventory is missing."""
    comparison = compare(record)
    found = [e for check in scenario.checks for e in check.verdict.evidence]
    graph = reach = None
    if comparison is not None:
        both = record.inventories[comparison.first_name], record.inventories[comparison.second_name]
        graph = merged(*both, (e for e in found if e.kind in (*NETWORK_KINDS, *_MACHINE_KINDS)))
        names = comparison.first_name, comparison.second_name
        reach = compare_reach(*(record.reachability.get(name) for name in names))
    return Markup(
        template.render(
            anchor=anchor,
            comparison=comparison,
            columns=_COLUMNS,
            graph=draw(graph, f"{anchor}-network") if graph and (graph.rows or graph.columns) else None,
            caption=describe(graph) if graph else "",
            differences=_differences(found),
            reach=reach,
        )
    )


def _differences(found: list[Evidence]) -> list[Evidence]:
    return [evidence for evidence in found if evidence.kind in NETWORK_KINDS][:SHOWN]
