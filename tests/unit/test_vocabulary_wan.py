"""Sentences about the WAN make the faults they speak of, in the directions they speak of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from conformance.dataplane import Place, WanControl, WanLink
from conformance.errors import HarnessError
from conformance.link_phrases import WAN_PHRASES, link_fault
from conformance.links import Link
from conformance.vocabulary import fault_of

THERE, BACK = "north>south", "south>north"


class OnlyWan:
    """Sites between which there is a WAN and no link."""

    @property
    def the_link(self) -> Link:
        raise HarnessError("There is no link.")

    @property
    def the_wan(self) -> WanLink:
        def none(*_: Any) -> Any:
            raise OSError("nothing is sent in this test")

        return WanLink(WanControl(Path("/nowhere/wan.sock")), none, Place("north", "n"), Place("south", "s"))


@pytest.mark.parametrize(
    ("sentence", "name", "impairments", "directions"),
    [
        ("the WAN delays every packet by 80 ms in each direction", "wan-delay", {"delay_ms": 80}, None),
        (
            "the WAN delays every packet by 80 ms, give or take 20 ms, in each direction",
            "wan-delay",
            {"delay_ms": 80, "jitter_ms": 20},
            None,
        ),
        ("the WAN loses 2.5 % of all packets in each direction", "wan-loss", {"loss": 0.025}, None),
        ("the WAN damages 5 % of all packets in each direction", "wan-corruption", {"corrupt": 0.05}, None),
        ("the WAN doubles 5 % of all packets in each direction", "wan-duplication", {"duplicate": 0.05}, None),
        ("the WAN reorders 5 % of all packets in each direction", "wan-reordering", {"reorder": 0.05}, None),
        ("the WAN carries no more than 500 kbit/s in each direction", "wan-rate", {"rate_bits": 500_000}, None),
        ("the WAN takes no packet longer than 1300 bytes", "wan-mtu", {"mtu": 1300, "mtu_replies": True}, None),
        (
            "the WAN takes no packet longer than 1300 bytes and tells nobody",
            "wan-mtu",
            {"mtu": 1300, "mtu_replies": False},
            None,
        ),
        ("the WAN is cut", "wan-cut", {"up": False}, None),
        ("the WAN is cut towards the first site", "wan-one-way-cut", {"up": False}, [BACK]),
        ("the WAN is cut towards the second site", "wan-one-way-cut", {"up": False}, [THERE]),
        ("the WAN comes and goes every 0.5 s", "wan-flapping", {"flap_period_ms": 500}, None),
    ],
)
def test_a_sentence_makes_its_fault(
    sentence: str, name: str, impairments: dict[str, Any], directions: list[str] | None
) -> None:
    fault: Any = link_fault(sentence).make(OnlyWan())
    assert fault_of(sentence) == fault.name == name and fault.target == "wan north-south"
    undo = fault.undo()
    assert undo.action == "restore-wan" and undo.arguments["directions"] == (directions or [THERE, BACK])
    assert set(impairments) <= set(undo.arguments["impairments"])
    assert fault._impairments.items() >= impairments.items()


def test_a_site_is_cut_off_by_a_sentence_of_its_own() -> None:
    sentence = "the first site is cut off from all others"
    fault: Any = link_fault(sentence).make(OnlyWan())
    assert fault_of(sentence) == fault.name == "wan-isolation" and fault.target == "wan of north"


def test_every_sentence_about_the_wan_is_tried_above() -> None:
    marks = test_a_sentence_makes_its_fault.pytestmark  # type: ignore[attr-defined]
    tried = [case[0] for case in marks[0].args[1]]
    assert len({*tried}) + 1 == len(WAN_PHRASES)


def test_a_sentence_about_the_link_does_not_take_the_wan() -> None:
    with pytest.raises(HarnessError, match="There is no link"):
        link_fault("the link is cut").make(OnlyWan())
