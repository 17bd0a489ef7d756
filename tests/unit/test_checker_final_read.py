"""A final read is only taken for complete when it was."""

from __future__ import annotations

from dataclasses import replace

from builders import A, B, numbered, pages

from conformance.checkers.final_read import FinalRead, final_read
from conformance.model import Operation, Outcome

ITEMS = [(f"k{n}", f"v{n}") for n in range(50)]


def read(*ops: Operation) -> FinalRead | None:
    return final_read(numbered(ops))


def keys(found: FinalRead | None) -> list[str]:
    assert found is not None
    return [key for key, _ in found.items()]


def test_pages_are_put_together_in_order() -> None:
    found = read(*reversed(pages(ITEMS)))
    assert keys(found) == [key for key, _ in ITEMS]
    assert found is not None
    assert found.site == B


def test_nothing_read_is_a_read_of_nothing() -> None:
    assert keys(read(*pages([]))) == []


def test_without_a_last_page_there_is_none() -> None:
    assert read(*pages(ITEMS)[:-1]) is None


def test_two_clients_do_not_mix_their_pages() -> None:
    found = read(*pages(ITEMS[:30], process=1), *pages(ITEMS, process=2, start=4.01)[:-1])
    assert keys(found) == [key for key, _ in ITEMS[:30]]


def test_a_complete_read_stands_when_a_later_one_breaks_off() -> None:
    found = read(*pages(ITEMS[:30]), *pages(ITEMS, start=6)[:-1])
    assert len(keys(found)) == 30


def test_a_page_asked_for_again_with_another_answer_counts_once() -> None:
    first, second, third = pages(ITEMS)
    failed = replace(second, outcome=Outcome.FAIL, items=(), invoked=first.invoked + 1)
    assert len(keys(read(first, failed, second, third))) == 50


def test_a_page_that_was_never_asked_for_again_is_missed() -> None:
    first, second, third = pages(ITEMS)
    assert read(first, replace(second, outcome=Outcome.INFO, items=()), third) is None


def test_pages_of_two_sites_make_no_read() -> None:
    first, second, third = pages(ITEMS)
    assert read(first, replace(second, site=A), third) is None


def test_the_read_began_when_its_first_page_was_asked_for() -> None:
    ops = pages(ITEMS)
    found = read(*ops)
    assert found is not None
    assert found.began == ops[0].invoked
