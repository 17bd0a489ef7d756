"""What the documentation points at exists: files, headings, commands, options and requirement ids."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from conformance.catalogue import load_catalogue
from conformance.cli import COMMANDS, cli

ROOT = Path(__file__).parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted(ROOT.glob("docs/**/*.md")), *sorted(ROOT.glob("reports/*.md"))]
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]*)(#[^)\s]*)?\)")
COMMAND = re.compile(r"multisite-ha((?: +(?:-{1,2}[a-z][a-z-]*|[a-z][a-z-]*))*)")


def headings(page: Path) -> set[str]:
    """The anchors of a page's headings, as a forge makes them."""
    found = re.findall(r"^#+ +(.*)$", page.read_text(), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in found}


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    broken = []
    for target, anchor in LINK.findall(page.read_text()):
        if "://" in target:
            continue
        file = (page.parent / target).resolve() if target else page
        if not file.exists() or (anchor and file.suffix == ".md" and anchor[1:] not in headings(file)):
            broken.append(target + anchor)
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_command_and_option_exists(page: Path) -> None:
    unknown = []
    blocks = re.findall(r"```(?:sh|console|bash)\n(.*?)```|`(multisite-ha[^`]*)`", page.read_text(), flags=re.DOTALL)
    for words in COMMAND.findall("\n".join(a or b for a, b in blocks)):
        command: click.Command = cli
        for word in words.split():
            if word.startswith("-"):
                known = {n for p in command.params for n in (*p.opts, *p.secondary_opts)}
                names = known | {"--help", "-h", "--version"}
                if word not in names:
                    unknown.append(f"{command.name} {word}")
            elif isinstance(command, click.Group):
                found = command.get_command(click.Context(command), word)
                if found is None:
                    unknown.append(f"{command.name} {word}")
                    break
                command = found
    assert unknown == []


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_requirement_named_is_in_the_catalogue(page: Path) -> None:
    named = set(re.findall(r"MS-[A-Z]{2}-\d{2}", page.read_text()))
    assert named - set(load_catalogue()) == set()


def test_the_readme_names_every_command() -> None:
    text = (ROOT / "README.md").read_text()
    assert [name for name in COMMANDS if f"multisite-ha {name}" not in text] == []
