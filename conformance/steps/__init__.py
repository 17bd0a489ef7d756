"""The sentences of the features. Each hands its words to the play; none holds logic or an assertion of its own.

The Given and When sentences act. Those that disturb the link are made from the vocabulary, and the Then sentences from
the registry of checks, so that a sentence and what stands behind it cannot drift apart. Then sentences judge the stored
record and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pytest_bdd import given, parsers, then, when

from conformance.checkers.registry import all_checks
from conformance.errors import HarnessError
from conformance.link_phrases import is_link_fault
from conformance.play import Play
from conformance.play.changing import ADDRESS_ALLOWED, FOLLOWED, RULE_ADDED
from conformance.plugin import PLACES, session_of
from conformance.sentences import DISTURBANCE, DISTURBANCE_AGAIN, DISTURBANCE_DURING, STRIKE, STRIKE_DURING
from conformance.site_phrases import HEALED, find_site_fault
from conformance.vocabulary import (
    BAD_CONFIGURATION,
    BAD_UPDATE,
    NEMESIS,
    NEMESIS_OF_ALL,
    POISON_MESSAGE,
    SITE_LOSS,
    Loose,
    during,
    relapse,
    site_during,
)


@pytest.fixture
def play(request: pytest.FixtureRequest) -> Iterator[Play]:
    """One scenario being carried out; healed and torn down whatever happens."""
    session, place = session_of(request.config), request.config.stash[PLACES][request.node.nodeid]
    with session.turn(place.number, alone=place.alone):
        play = session.new_play(place.number)
        try:
            yield play
        finally:
            play.close()
    if play.late_error:
        raise HarnessError(play.late_error)  # pytest and its reporters are to see an error of any phase


class Sentences(parsers.StepParser):
    """Matches whatever ``known`` says is one of its sentences, and hands over the sentence itself."""

    def __init__(self, name: str, known: Callable[[str], object]) -> None:
        super().__init__(name)
        self._known = known

    def is_matching(self, name: str) -> bool:
        """Whether it is one."""
        return bool(self._known(name))

    def parse_arguments(self, name: str) -> dict[str, Any] | None:
        """The sentence."""
        return {"sentence": name}


@given("two sites, each run by a VIM of its own")
def two_sites(play: Play) -> None:
    play.check_sites()


@given("a stateful VNF serving subscribers at the first site")
def vnf_at_first_site(play: Play) -> None:
    play.deploy()


@given("a VNF of a single VM serving subscribers at the first site")
def single_vm_at_first_site(play: Play) -> None:
    play.deploy("single")


@given("a stateless VNF serving subscribers at the first site")
def stateless_at_first_site(play: Play) -> None:
    play.deploy("stateless")


@given("a stateless VNF beside it, protected at the second site")
def stateless_beside(play: Play) -> None:
    play.deploy_beside("stateless")


@given("it is watched which site is active")
def holders_are_watched(play: Play) -> None:
    play.watch_holders()


@given("a volume that the storage replicates to the second site while it is written to")
def volume_is_replicated(play: Play) -> None:
    play.replicate_volume()


@when("the second site takes the volume over")
def volume_is_taken_over(play: Play) -> None:
    play.take_volume_over()


@given("several clouds in one data centre, each run by a VIM of its own")
def several_clouds(play: Play) -> None:
    play.check_sites(all_of_them=True)


@given("a VNF with members spread over all clouds")
def members_in_all_clouds(play: Play) -> None:
    play.deploy_cluster()


@given("a VNF of more than a hundred members spread over all clouds")
def many_members_in_all_clouds(play: Play) -> None:
    play.deploy_cluster("crowd", more_than=100)


@given("a VNF that is larger than one cloud")
def vnf_larger_than_a_cloud(play: Play) -> None:
    play.deploy_cluster(fill=True)


@given("clients of all members use the service for a while")
@when("clients of all members use the service for a while")
def clients_of_all_members(play: Play) -> None:
    play.use_cluster()


@given("the VNF is protected at the second site")
def vnf_protected(play: Play) -> None:
    play.protect()


@given("clients use the service while every request is recorded")
def clients_use_the_service(play: Play) -> None:
    play.start_load()


@given("clients use the service as fast as it answers while every request is recorded")
def clients_use_the_service_unpaced(play: Play) -> None:
    play.start_load(unpaced=True)


@when("replication is switched off and on in a drawn order")
def replication_is_switched(play: Play) -> None:
    play.measure_replication()


@when(Sentences(DISTURBANCE, is_link_fault))
def link_is_disturbed(play: Play, sentence: str) -> None:
    play.disturb_link(sentence)


@given(Sentences(DISTURBANCE_DURING, during))
@when(Sentences(DISTURBANCE_DURING, during))
def link_is_disturbed_during(play: Play, sentence: str) -> None:
    play.disturb_link_during(sentence)


@when(parsers.parse(NEMESIS))
def nemesis_disturbs_link(play: Play, seconds: float) -> None:
    play.let_nemesis_loose(Loose(seconds, everything=False))


@when(parsers.parse(NEMESIS_OF_ALL))
def nemesis_disturbs_everything(play: Play, seconds: float) -> None:
    play.let_nemesis_loose(Loose(seconds, everything=True))


@when(Sentences(DISTURBANCE_AGAIN, relapse))
def link_is_disturbed_again(play: Play, sentence: str) -> None:
    play.disturb_link_again(sentence)


@when(Sentences(STRIKE, find_site_fault))
def site_is_struck(play: Play, sentence: str) -> None:
    play.strike_site(sentence)


@given(Sentences(STRIKE_DURING, site_during))
@when(Sentences(STRIKE_DURING, site_during))
def site_is_struck_during(play: Play, sentence: str) -> None:
    play.strike_site_during(sentence)


@when(parsers.parse(HEALED))
def site_is_well_again(play: Play, which: str) -> None:
    play.heal_site(which)


@when(RULE_ADDED)
def rule_is_added(play: Play) -> None:
    play.changes.add_rule()


@when(ADDRESS_ALLOWED)
def address_is_allowed(play: Play) -> None:
    play.changes.allow_address()


@when(FOLLOWED)
def protection_follows(play: Play) -> None:
    play.changes.await_followed()


@when("the link heals and replication catches up")
def link_heals(play: Play) -> None:
    play.heal_link()


@when(SITE_LOSS)
def first_site_is_lost(play: Play) -> None:
    play.lose_first_site()


@when("the present state is kept as a savepoint")
def savepoint_is_kept(play: Play) -> None:
    play.keep_savepoint()


@when(BAD_UPDATE)
def faulty_update(play: Play) -> None:
    play.software.update_badly()


@when(POISON_MESSAGE)
def poison_message(play: Play) -> None:
    play.software.send_poison()


@when(BAD_CONFIGURATION)
def bad_configuration(play: Play) -> None:
    play.software.configure_badly()


@when("the second site goes back to the savepoint")
def second_site_goes_back(play: Play) -> None:
    play.recover()


@when("the first site is repaired")
def first_site_is_repaired(play: Play) -> None:
    play.repair_first_site()


@when("the VNF fails over to the second site")
def fails_over(play: Play) -> None:
    play.fail_over()


@when("the VNF is told to fail over although the first site still serves")
def fails_over_for_no_reason(play: Play) -> None:
    play.fail_over()


@when("the service is moved to the second site for maintenance")
def service_is_moved(play: Play) -> None:
    play.move()


@when("the service returns to the first site")
def service_returns(play: Play) -> None:
    play.go_back()


@when("everything is read back at the second site")
def read_back_at_second(play: Play) -> None:
    play.read_back_at(play.stage.second)


def _judging(phrase: str) -> Callable[[Play], None]:
    def judge(play: Play) -> None:
        play.judge(phrase)

    return judge


for _check in all_checks().values():
    then(_check.phrase)(_judging(_check.phrase))
