"""`multisite-ha run --dry-run`: targets and plan, before anything is touched."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import groupby

import click

from conformance.cli.selection import Selected, words_of
from conformance.features import planned_faults, requirement_tags
from conformance.neighbours import why_alone
from conformance.request import Request
from conformance.schemes import read_scheme
from conformance.sites import load_sites


def describe(request: Request, arguments: Sequence[str], scenarios: Sequence[Selected]) -> None:
    """Print sites, power drivers, scenarios and faults. Reads files only: no cloud is asked, nothing is started."""
    options = request.options
    click.echo(
        f"Profile {request.profile.name}, VNF {request.blueprint.name}, scheme {options.scheme}, seed {request.seed}."
    )
    for line in read_scheme(options.scheme).plan:
        click.echo(f"  {line}")
    scheduled = request.scheduled
    if options.sites is None:
        click.echo(f"Sites: the lab, {request.clouds} clouds started on this machine.")
    else:
        sites = load_sites(options.sites)
        for site in sites.sites:
            loss = "may be lost" if "site-loss" in site.spec.allow_faults else "must not be lost (allow_faults)"
            parts = ", ".join(f for f in site.spec.allow_faults if f != "site-loss") or "none"
            click.echo(f"Site {site.name}: cloud {site.spec.cloud}, tenant addresses {site.spec.tenant_pool}, {loss}.")
            click.echo(f"  faults of parts of it that are allowed: {parts}")
        scheduled = partial(request.scheduled, sites=sites.sites[:2])
        sites.close()
    marks, words = words_of(arguments)
    names = [f"the name holds {word!r}" for word in words]
    if marks or names:
        click.echo(f"Only scenarios that match: {' and '.join(w for w in (marks, *names) if w)}")
    for feature, found in groupby(scenarios, key=lambda one: one.feature):
        click.echo(f"\n{feature.name}")
        for one in found:
            faults = ", ".join(planned_faults(one.scenario, scheduled)) or "none"
            judged = ", ".join(requirement_tags(set(one.tags)))
            click.echo(f"  {one.scenario.name}\n    faults: {faults}; judges {judged}")
            alone = why_alone(one.scenario, request)
            click.echo(f"    alone: {alone}" if alone else "    side by side with others of this kind (--jobs)")
    click.echo("\nNothing was done: this was a dry run.")
