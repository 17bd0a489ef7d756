"""`multisite-ha steps`: the sentences that features can be written with."""

from __future__ import annotations

import json
from dataclasses import asdict

import click


@click.command()
@click.argument("words", nargs=-1, metavar="[WORD]...")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
def steps(words: tuple[str, ...], as_json: bool) -> None:
    """List the sentences that features can be written with; with WORDs, those that hold all of them.

    Values stand in braces, with their kind: {milliseconds:d} is a whole number, {seconds:g} any number. A feature of
    your own is a file that ends in .feature; run it with 'multisite-ha run FILE' (docs/how-to-feature.md).
    """
    import conformance.steps  # noqa: F401  (defines the sentences)
    from conformance.sentences import known_sentences

    chosen = [s for s in known_sentences() if all(word.lower() in s.text.lower() for word in words)]
    if not chosen:
        raise click.UsageError(f"No sentence holds {' and '.join(repr(w) for w in words)}.")
    if as_json:
        click.echo(json.dumps([asdict(s) for s in chosen], indent=1))
        return
    before = ""
    for sentence in chosen:
        if sentence.keyword != before:
            before = sentence.keyword
            click.echo(click.style(f"{before.capitalize()}", bold=True))
        click.echo(f"  {sentence.text}" + (f"\n      {sentence.values}" if sentence.values else ""))
