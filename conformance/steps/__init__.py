"""The sentences of the features. Each hands its words to the play; none holds logic or an assertion of its own.

The Given and When sentences act. The Then sentences are made from the registry of checks, so that a sentence and the
check behind it cannot drift apart; they judge the stored record and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from pytest_bdd import given, parsers, then, when

from conformance.checkers.registry import all_checks
from conformance.play import Play
from conformance.plugin import session_of
from conformance.vocabulary import CUT, DELAY, SITE_LOSS, STALL


@pytest.fixture
def play(request: pytest.FixtureRequest) -> Iterator[Play]:
    """One scenario being carried out; healed and torn down whatever happens."""
    play = session_of(request.config).new_play()
    try:
        yield play
    finally:
        play.close()


@given("two sites, each run by a VIM of its own")
def two_sites(play: Play) -> None:
    play.check_sites()


@given("a stateful VNF serving subscribers at the first site")
def vnf_at_first_site(play: Play) -> None:
    play.deploy()


@given("the VNF is protected at the second site")
def vnf_protected(play: Play) -> None:
    play.protect()


@given("clients use the service while every request is recorded")
def clients_use_the_service(play: Play) -> None:
    play.start_load()


@when(parsers.parse(DELAY))
def link_delays(play: Play, milliseconds: int) -> None:
    play.delay_link(milliseconds)


@when(parsers.parse(STALL))
def link_stalls(play: Play, seconds: float) -> None:
    play.stall_link(seconds)


@when(CUT)
def link_is_cut(play: Play) -> None:
    play.cut_link()


@when(SITE_LOSS)
def first_site_is_lost(play: Play) -> None:
    play.lose_first_site()


@when("the VNF fails over to the second site")
def fails_over(play: Play) -> None:
    play.fail_over()


def _judging(phrase: str) -> Callable[[Play], None]:
    def judge(play: Play) -> None:
        play.judge(phrase)

    return judge


for _check in all_checks().values():
    then(_check.phrase)(_judging(_check.phrase))
