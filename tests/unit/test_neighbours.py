"""Which scenarios can be carried out side by side is read off what they say; what is not known is carried out alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_bdd.feature import get_features
from pytest_bdd.parser import Scenario

import conformance.steps  # noqa: F401  (defines the sentences)
from conformance.checkers.registry import CHECKS
from conformance.neighbours import OWN_FAULTS, OWN_SENTENCES, STEADY_CHECKS, why_alone
from conformance.request import Request, RunOptions
from conformance.resources import features_dir
from conformance.sentences import known_sentences

BACKGROUND = """
    Given two sites, each run by a VIM of its own
    And a stateful VNF serving subscribers at the first site
    And the VNF is protected at the second site
    And clients use the service while every request is recorded
"""
HEALED = """
    And the link heals and replication catches up
    And everything is read back at the second site
    Then replication catches up when the link heals, and nothing is lost or doubled
"""


def request(**options: str) -> Request:
    return Request.read(RunOptions(profile="opnfv-multisite", seed=7, **options))  # type: ignore[arg-type]


def scenarios(*paths: Path) -> Iterator[Scenario]:
    for feature in get_features([str(path) for path in paths]):
        for template in feature.scenarios.values():
            rows = [row for examples in template.examples for row in examples.as_contexts()] or [{}]
            yield from (template.render(row) for row in rows)


def said(folder: Path, *lines: str) -> Scenario:
    """A scenario of these lines after the usual background."""
    path = folder / "one.feature"
    path.write_text(f"Feature: One\n  Scenario: One\n{BACKGROUND}" + "".join(f"    {line}\n" for line in lines))
    (scenario,) = scenarios(path)
    return scenario


def test_only_what_touches_nothing_of_others_is_carried_out_beside_them() -> None:
    alone = {s.name: why_alone(s, request()) for s in scenarios(features_dir())}
    topic = features_dir() / "geo_redundancy"
    beside = [s.name for s in scenarios(topic / "link_faults.feature")]
    beside += [
        "A faulty update ruins every record and is replicated",
        "A message ends whatever reads it, at both sites",
        "A configuration makes the VNF refuse to work, at both sites",
        "The process of a front-end at the first site is killed",
        "The link is cut and the VNF is told to fail over although the first site serves on",
        "The VNF's database at the first site hangs while the VNF is told to fail over",
        "The link is cut as the move begins",
        "The service returns after the maintenance",
    ]
    assert {name: alone[name] for name in beside} == dict.fromkeys(beside)
    # Where packets can be got at, a nemesis disturbs those of everybody.
    assert "reaches beyond" in str(alone["Whatever the nemesis does"])
    for name in ("site_loss", "wan_faults", "storage", "stateless", "single_vm", "failback", "no_degradation"):
        assert all(alone[s.name] for s in scenarios(topic / f"{name}.feature")), name
    assert all(alone[s.name] for s in scenarios(features_dir() / "single_dc"))
    assert alone["The service is moved under load"]


@pytest.mark.parametrize(
    ("lines", "because"),
    [
        (["When the first site is lost without warning"], "site-loss reaches beyond"),
        (["When the API of the first site falls silent"], "api-silence reaches beyond"),
        (["When the compute service of the first site is killed"], "service-kill reaches beyond"),
        (["When the WAN loses 5 % of all packets in each direction"], "wan-loss reaches beyond"),
        (["When as soon as the move begins, the WAN is cut"], "wan-cut reaches beyond"),
        (["Given a VNF that is larger than one cloud"], "larger than one cloud' may use more than its share"),
        (["When the tool of a vendor does something"], "vendor does something' may use more than its share"),
        (["When replication is switched off and on in a drawn order"], "may use more than its share"),
    ],
)
def test_a_scenario_is_alone_because_of_what_it_does(tmp_path: Path, lines: list[str], because: str) -> None:
    assert because in str(why_alone(said(tmp_path, *lines, *HEALED.strip().splitlines()), request()))


@pytest.mark.parametrize("name", ["degradation", "disturbance", "outage"])
def test_a_verdict_on_times_is_found_alone(tmp_path: Path, name: str) -> None:
    scenario = said(tmp_path, "When the link is cut", f"Then {CHECKS[name].phrase}")
    assert why_alone(scenario, request()) == f"{CHECKS[name].phrase!r} is a matter of time"


def test_a_sentence_without_a_check_is_alone(tmp_path: Path) -> None:
    assert "is a matter of time" in str(
        why_alone(said(tmp_path, "When the link is cut", "Then all is well"), request())
    )


def test_a_mechanism_of_somebody_else_protects_one_vnf_at_a_time(tmp_path: Path) -> None:
    scenario = said(tmp_path, "When the link is cut", *HEALED.strip().splitlines())
    assert why_alone(scenario, request()) is None
    assert "the scheme observe" in str(why_alone(scenario, request(scheme="observe")))


def test_a_schedule_that_disturbs_all_packets_makes_its_nemesis_alone(tmp_path: Path) -> None:
    scenario = said(tmp_path, "When a nemesis disturbs the link for 20 s", *HEALED.strip().splitlines())
    schedule = tmp_path / "schedule.json"
    for sentence, because in (("the link is cut", "None"), ("the WAN is cut", "wan-cut reaches beyond")):
        schedule.write_text(f'[{{"at_s": 0.0, "sentence": "{sentence}", "lasts_s": 1.0}}]')
        assert because in str(why_alone(scenario, request(schedule=str(schedule))))


def test_what_is_said_to_be_harmless_exists() -> None:
    assert {s.text for s in known_sentences()} >= OWN_SENTENCES
    assert set(CHECKS) >= STEADY_CHECKS
    assert not {name for name in OWN_FAULTS if name.startswith(("site-", "wan-", "api-", "service-", "storage-"))}
