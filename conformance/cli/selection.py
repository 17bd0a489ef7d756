"""What a user's words select: feature files, and the scenarios in them, before anything is started."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from _pytest.mark.expression import Expression

from conformance.collecting import names_hold
from conformance.errors import UsageError
from conformance.features import check_feature, known_tags
from conformance.profile import load_profile
from conformance.resources import closest
from conformance.sentences import check_sentences

if TYPE_CHECKING:
    from pytest_bdd.parser import Feature, Scenario


@dataclass(frozen=True)
class Selected:
    """A scenario, as a row of its outline completes it, with all tags that it has."""

    feature: Feature
    scenario: Scenario
    tags: frozenset[str]

    def has(self, tag: str, /, **_: str | int | bool | None) -> bool:
        """Whether it has a tag."""
        return tag in self.tags


def select(words: tuple[str, ...], profile: str) -> list[str]:
    """pytest's arguments for a selection. UsageError, with the nearest known word, when a word selects nothing."""
    paths: list[str] = []
    tags: list[str] = []
    names: list[str] = []
    known = known_tags()
    for word in words:
        if not word.strip():
            raise UsageError("A word of the selection is empty: is a variable of the shell not set?")
        if Path(word).exists():
            paths.append(word)
        elif word in known:
            tags.append(word)
        elif word.upper() in known or word.lower() in known:
            tags.append(word.upper() if word.upper() in known else word.lower())
        elif word.upper().startswith("MS-") or word.endswith(".feature"):
            raise UsageError(
                f"{word!r} is neither a known requirement nor a feature file. {closest(word, list(known))}"
            )
        else:
            names.append(word)
    chosen = load_profile(profile)
    arguments = paths or [str(p) for p in chosen.feature_paths()]
    marks = [m for m in (chosen.tags, " or ".join(tags)) if m]
    if marks:
        arguments += ["-m", " and ".join(f"({m})" for m in marks)]
    for name in names:
        arguments += ["--ms-name", name]
    return arguments


def feature_files(arguments: Sequence[str]) -> list[Path]:
    """The feature files among pytest's arguments, and in the folders among them. UsageError where there are none."""
    places = [Path(a) for a in arguments[: _first_option(arguments)]]
    files: list[Path] = []
    for place in places:
        found = sorted(p for p in place.rglob("*.feature") if p.is_file()) if place.is_dir() else [place]
        if not found or not all(p.is_file() for p in found):
            raise UsageError(f"Expected feature files at {place}; there are none.")
        files += found
    return files


def check_files(files: Sequence[Path]) -> None:
    """Refuse what could mislead before a cloud is started for it. A user's own sentences, in a conftest.py, are known
    only once pytest has read that: features beside one are looked at then."""
    import conformance.steps  # noqa: F401  (defines the sentences)

    for path in files:
        check_feature(path)
        if not any((folder / "conftest.py").exists() for folder in path.resolve().parents):
            check_sentences(path)


def words_of(arguments: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """What pytest's arguments ask for: an expression over tags, "" for any, and words of names."""
    given = list(pairwise(arguments))
    marks = next((value for option, value in given if option == "-m"), "")
    return marks, tuple(value for option, value in given if option == "--ms-name")


def selected(files: Sequence[Path], arguments: Sequence[str]) -> list[Selected]:
    """The scenarios that pytest will carry out, in order. UsageError when there are none, or the profile's tags are no
    expression."""
    from pytest_bdd.feature import get_feature

    marks, names = words_of(arguments)
    try:
        wanted = Expression.compile(marks or "any")
    except SyntaxError as error:
        raise UsageError(f"The tags {marks!r} are no expression over tags: {error.msg}.") from None
    everything: list[Selected] = []
    for path in files:
        feature = get_feature(str(path.parent), path.name)
        for template in feature.scenarios.values():
            tags = template.tags | feature.tags | (template.rule.tags if template.rule else set())
            rows = [(row, e.tags) for e in template.examples for row in e.as_contexts()] or [({}, set())]
            everything += [Selected(feature, template.render(row), frozenset(tags | more)) for row, more in rows]
    found = [
        one
        for one in everything
        if (not marks or wanted.evaluate(one.has))
        and names_hold(one.scenario.name, names)
    ]
    if not found:
        nearest = closest(names[0], [one.scenario.name for one in everything]) if names else ""
        raise UsageError(f"The selection matches none of {len(everything)} scenarios. {nearest}".rstrip())
    return found


def _first_option(arguments: Sequence[str]) -> int:
    return next((n for n, word in enumerate(arguments) if word in ("-m", "--ms-name")), len(arguments))
