"""A feature with a sentence that nobody knows, or that means two things, is refused before anything runs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from pytest_bdd import given, parsers, when
from pytest_bdd.steps import step_function_context_registry

import conformance.steps  # noqa: F401  (defines the sentences)
from conformance.checkers.registry import all_checks
from conformance.cli import steps
from conformance.errors import UsageError
from conformance.link_phrases import PHRASES
from conformance.resources import features_dir
from conformance.sentences import check_sentences, known_sentences
from conformance.vocabulary import DURING

SHIPPED = sorted(features_dir().rglob("*.feature"))
THEN = "Then no acknowledged write is lost"


def feature(folder: Path, *lines: str, rows: tuple[str, ...] = ()) -> Path:
    path = folder / "mine.feature"
    examples = ["    Examples:", *(f"      {row}" for row in rows)] if rows else []
    head = ["Feature: mine", "", f"  Scenario{' Outline' if rows else ''}: a scenario"]
    path.write_text("\n".join([*head, *(f"    {line}" for line in lines), *examples]) + "\n")
    return path


@pytest.fixture
def own_steps() -> Iterator[list[Callable[..., object]]]:
    """Functions of a user's own, kept alive by this list, and forgotten afterwards."""
    before = list(step_function_context_registry)
    kept: list[Callable[..., object]] = []
    yield kept
    for function in list(step_function_context_registry):
        if function not in before:
            del step_function_context_registry[function]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.name)
def test_every_shipped_feature_keeps_to_the_sentences(path: Path) -> None:
    check_sentences(path)


def test_an_unknown_sentence_is_refused_with_its_line_and_the_nearest_one(tmp_path: Path) -> None:
    path = feature(tmp_path, "When the link is cutt", THEN)
    with pytest.raises(UsageError) as raised:
        check_sentences(path)
    said = str(raised.value)
    assert f"{path}, line 4: nothing is known to do for the sentence When 'the link is cutt'." in said
    assert "Did you mean 'the link is cut'?" in said
    assert "'multisite-ha steps' lists them all" in said


def test_a_sentence_of_another_keyword_is_not_known(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nothing is known to do for the sentence Given 'the link is cut'"):
        check_sentences(feature(tmp_path, "Given the link is cut", THEN))


def test_a_value_of_the_wrong_kind_is_not_known(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Did you mean 'the link stalls and stays stalled for {seconds:g} s'"):
        check_sentences(feature(tmp_path, "When the link stalls and stays stalled for long s", THEN))


@pytest.mark.parametrize(("rows", "refused"), [(("cut",), False), (("cut", "gone"), True), (("gone", "cut"), True)])
def test_every_row_of_an_outline_is_looked_at(tmp_path: Path, rows: tuple[str, ...], refused: bool) -> None:
    table = ("| what |", *(f"| {row} |" for row in rows))
    path = feature(tmp_path, "When the link is <what>", THEN, rows=table)
    if refused:
        with pytest.raises(UsageError, match="'the link is gone'"):
            check_sentences(path)
    else:
        check_sentences(path)


def test_a_users_own_sentence_is_known_and_listed(tmp_path: Path, own_steps: list[Callable[..., object]]) -> None:
    path = feature(tmp_path, "Given 3 operators watch", THEN)
    with pytest.raises(UsageError):
        check_sentences(path)

    @given(parsers.parse("{number:d} operators watch"))
    def operators(number: int) -> None:
        """Nothing."""

    own_steps.append(operators)
    check_sentences(path)
    assert ("given", "{number:d} operators watch") in [(s.keyword, s.text) for s in known_sentences()]


def test_a_sentence_that_two_functions_carry_out_is_refused(
    tmp_path: Path, own_steps: list[Callable[..., object]]
) -> None:
    @when("the link is cut")
    def mine() -> None:
        """Nothing."""

    own_steps.append(mine)
    with pytest.raises(UsageError, match="'the link is cut' is ambiguous, it means .*link_is_disturbed.*mine"):
        check_sentences(feature(tmp_path, "When the link is cut", THEN))


def test_a_sentence_of_an_async_function_is_refused(tmp_path: Path, own_steps: list[Callable[..., object]]) -> None:
    @given("somebody waits")
    async def waits() -> None:
        """Nothing."""

    own_steps.append(waits)
    with pytest.raises(UsageError, match="carried out by the async function waits, which would never run"):
        check_sentences(feature(tmp_path, "Given somebody waits", THEN))


def test_disturbances_are_listed_one_by_one_and_in_the_order_of_keywords() -> None:
    known = known_sentences()
    assert {p.sentence for p in PHRASES} <= {s.text for s in known if s.keyword == "when"}
    assert {c.phrase for c in all_checks().values()} <= {s.text for s in known if s.keyword == "then"}
    assert [s.keyword for s in known] == sorted((s.keyword for s in known), key=["given", "when", "then"].index)
    [later] = [s for s in known if s.text == DURING and s.keyword == "when"]
    assert later.values.startswith("operation: the failover, the move, the return;")


def test_steps_lists_the_sentences_that_hold_all_words_whatever_their_case() -> None:
    done = CliRunner().invoke(steps.steps, ["LINK", "stalls"])
    assert done.exit_code == 0
    assert [line.strip() for line in done.output.splitlines()] == [
        "When",
        "the link stalls and stays stalled for {seconds:g} s",
    ]


def test_steps_lists_everything_for_machines() -> None:
    listed = json.loads(CliRunner().invoke(steps.steps, ["--json"]).output)
    assert [(s["keyword"], s["text"]) for s in listed] == [(s.keyword, s.text) for s in known_sentences()]


@pytest.mark.parametrize("more", [[], ["--json"]])
def test_words_that_no_sentence_holds_are_a_mistake(more: list[str]) -> None:
    done = CliRunner().invoke(steps.steps, ["link", "explodes", *more])
    assert done.exit_code != 0
    assert "No sentence holds 'link' and 'explodes'." in done.output
