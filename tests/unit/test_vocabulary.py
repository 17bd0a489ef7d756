"""Every sentence about the link parses, names its fault, and makes that very fault with the values it holds."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from conformance.dataplane import WanLink
from conformance.errors import HarnessError
from conformance.link_phrases import (
    LINK_FAULTS,
    LINK_PHRASES,
    PHRASES,
    LinkPhrase,
    WanPhrase,
    is_link_fault,
    link_fault,
)
from conformance.links import EmbeddedProxy, Link
from conformance.vocabulary import (
    BAD_CONFIGURATION,
    BAD_UPDATE,
    OPERATIONS,
    POISON_MESSAGE,
    SITE_LOSS,
    during,
    fault_of,
)


def filled(sentence: str, value: int = 3) -> str:
    return re.sub(r"\{[a-z]+:[dg]\}", str(value), sentence)


class OnlyLink:
    """Sites with a link and no WAN."""

    def __init__(self, link: Link) -> None:
        self.the_link = link

    @property
    def the_wan(self) -> WanLink:
        raise HarnessError("There is no WAN.")


@pytest.fixture(scope="module")
def sites() -> Iterator[OnlyLink]:
    with EmbeddedProxy() as proxy:
        link = Link.open(
            proxy.server, name="a-b", from_site="a", to_site="b", listen_host="127.0.0.1", upstream="127.0.0.1:1"
        )
        yield OnlyLink(link)
        link.close()


@pytest.mark.parametrize("phrase", PHRASES, ids=lambda p: p.sentence)
def test_every_sentence_of_the_link_parses_and_names_its_fault(phrase: LinkPhrase | WanPhrase) -> None:
    sentence = filled(phrase.sentence)
    assert is_link_fault(sentence)
    assert fault_of(sentence) == phrase.fault
    assert phrase.fault in LINK_FAULTS
    assert link_fault(sentence).lasts_s == (3 if phrase.lasts else None)


@pytest.mark.parametrize("phrase", LINK_PHRASES, ids=lambda p: p.sentence)
def test_the_fault_that_is_made_bears_the_name_that_was_planned(phrase: LinkPhrase, sites: OnlyLink) -> None:
    fault = link_fault(filled(phrase.sentence)).make(sites)
    assert fault.name == phrase.fault
    assert fault.target == "a-b"


@pytest.mark.parametrize("phrase", PHRASES, ids=lambda p: p.sentence)
@pytest.mark.parametrize(("words", "operation"), OPERATIONS.items())
def test_every_disturbance_can_come_during_every_operation(
    phrase: LinkPhrase | WanPhrase, words: str, operation: str
) -> None:
    disturbance = filled(phrase.sentence)
    sentence = f"as soon as {words} begins, {disturbance}"
    assert during(sentence) == (operation, disturbance)
    assert fault_of(sentence) == phrase.fault
    assert not is_link_fault(sentence)


@pytest.mark.parametrize(
    "sentence",
    [
        "as soon as the party begins, the link is cut",
        "as soon as the move begins, the link is mended",
        "as soon as the move begins the link is cut",
        "the link is cut",
        "as soon as the move begins, as soon as the return begins, the link is cut",
        "",
    ],
)
def test_what_is_no_disturbance_during_an_operation_is_none(sentence: str) -> None:
    assert during(sentence) is None


@pytest.mark.parametrize(
    "sentence",
    ["the link is cut off", " the link is cut", "the link delays everything", "", SITE_LOSS],
)
def test_what_is_no_sentence_of_the_link_is_none(sentence: str) -> None:
    assert not is_link_fault(sentence)
    with pytest.raises(HarnessError, match="No fault of the link is known by the sentence"):
        link_fault(sentence)


@pytest.mark.parametrize("phrase", PHRASES, ids=lambda p: p.sentence)
def test_no_sentence_of_the_link_is_taken_for_another(phrase: LinkPhrase | WanPhrase) -> None:
    """The first phrase that parses is taken, so none but its own may."""
    import parse

    sentence = filled(phrase.sentence)
    assert [p.sentence for p in PHRASES if parse.parse(p.sentence, sentence) is not None] == [phrase.sentence]


def test_other_faults_have_their_sentences() -> None:
    assert (fault_of(SITE_LOSS), fault_of(BAD_UPDATE)) == ("site-loss", "bad-update")
    assert (fault_of(POISON_MESSAGE), fault_of(BAD_CONFIGURATION)) == ("poison-message", "bad-configuration")
