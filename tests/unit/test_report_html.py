"""report.html as text: what it says, what it never says, and that nothing in a record can become markup."""

from __future__ import annotations

import base64
import hashlib
import math
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from report_run import MadeRun, made_run, run_info

from conformance.model import Evidence, ScenarioRecord, Status
from conformance.model.results import CheckResult
from conformance.report.html import render_html

CSS = (Path(__file__).parents[2] / "conformance" / "report" / "templates" / "page.css").read_text()
EVIL = "\"'><script>window.pwned=1</script><img src=x onerror=window.pwned=1>&amp;{{ 7*7 }}"


def page(run: MadeRun) -> str:
    return render_html(run.result, run.load, run.catalogue)[0]


class Reader(HTMLParser):
    """Elements with their attributes, and the text outside style and script."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self._inside: list[str] = []
        self.feed(text)
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._inside.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self._inside:
            while self._inside.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        if not {"style", "script"} & set(self._inside):
            self.words.append(data)


def read(run: MadeRun) -> Reader:
    return Reader(page(run))


def with_result(run: MadeRun, **changes: Any) -> MadeRun:
    return replace(run, result=replace(run.result, **changes))


def with_check(run: MadeRun, scenario: int, number: int, **verdict: Any) -> MadeRun:
    found = run.result.scenarios[scenario]
    checks = list(found.checks)
    checks[number] = replace(checks[number], verdict=replace(checks[number].verdict, **verdict))
    scenarios = list(run.result.scenarios)
    scenarios[scenario] = replace(found, checks=tuple(checks))
    return with_result(run, scenarios=tuple(scenarios))


def test_the_verdict_stands_in_words_with_what_it_means_and_what_decided_it() -> None:
    text = read(made_run()).text
    assert "Verdict: fail At least one requirement is proven violated." in text
    assert re.search(r"fail MS-GR-05 No data lost : 37 of \d+ acknowledged writes are lost", text)


@pytest.mark.parametrize("status", list(Status))
def test_every_verdict_has_a_word_and_a_symbol_of_its_own(status: Status) -> None:
    run = with_result(made_run(), verdict=status, scenarios=(), requirements=())
    source = page(run)
    assert f"Verdict: {status.value.replace('_', ' ')}" in Reader(source).text
    assert f'id="i-{status.value}"' in source


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [(8.95, 9.0, "8.95 – 9 s"), (20.0, math.inf, "at least 20 s"), (None, 9.0, "at most 9 s")],
)
def test_the_longest_recovery_is_a_key_figure(low: float | None, high: float, said: str) -> None:
    text = read(with_check(made_run(), 0, 1, figures={"rto_low_s": low, "rto_high_s": high})).text
    where = "Limit 15 s. Longest of 2 scenarios: The first site is lost while the link is clean"
    assert f"Recovery time (RTO) pass {said} {where}" in text


def test_the_greatest_loss_is_a_key_figure() -> None:
    text = read(made_run(scenarios=3)).text
    assert re.search(r"Data loss \(RPO\) fail 37 operations up to 0\.\d+ s Limit 0\. Most of 3 scenarios", text)


def test_no_loss_is_not_shown_as_held_where_a_check_of_it_was_inconclusive() -> None:
    text = read(with_check(made_run(lost=0), 1, 3, status=Status.INCONCLUSIVE)).text
    assert "Data loss (RPO) inconclusive 0 operations 0 s Limit 0. The same in all 2 scenarios" in text


def test_what_had_to_be_judged_and_was_not_is_named_at_the_top_of_an_inconclusive_run() -> None:
    run = made_run(lost=0)
    run = with_result(run, verdict=Status.INCONCLUSIVE, requirements=run.result.requirements[:3])
    text = read(run).text
    top = text[: text.index("Use cases")]
    assert "not tested MS-GR-05 No data lost : No scenario of this run judged it." in top
    assert "MS-GR-07" not in top


def test_what_broke_is_named_at_the_top() -> None:
    run = made_run(lost=0)
    broken = replace(run.result.scenarios[0], error="The cloud was full.")
    text = read(with_result(run, verdict=Status.ERROR, scenarios=(broken,))).text
    assert (
        "error The first site is lost while the link is clean : The cloud was full." in text[: text.index("Use cases")]
    )


def test_the_verdict_on_a_use_case_says_of_how_many_requirements_it_speaks() -> None:
    text = read(made_run()).text
    assert "UC2 Geographic redundancy fail of the 6 requirements tested 5 pass, 1 fail, 1 not tested" in text
    assert "UC3 Planned maintenance not tested 1 not tested of 1 requirement" in text


def test_what_was_not_measured_is_said_to_be_so() -> None:
    text = read(with_result(made_run(), scenarios=())).text
    assert "Recovery time (RTO) not measured" in text
    assert "Data loss (RPO) not measured" in text


def test_a_requirement_that_nothing_judged_stands_as_not_tested() -> None:
    rows = [a for tag, a in read(made_run()).elements if tag == "tr" and a.get("id") == "MS-MT-01"]
    assert [row["data-verdict"] for row in rows] == ["not_tested"]


def test_every_lost_write_is_named_with_what_its_client_was_told() -> None:
    run = made_run()
    scenario = run.result.scenarios[1]
    text = read(run).text
    for evidence in scenario.checks[3].verdict.evidence:
        operation = run.records[scenario.info.id].history[int(evidence.ref)]
        assert f"{evidence.ref} {operation.key} {operation.value}" in text
    assert "37 in all." in text


def test_of_many_lost_writes_the_first_200_are_named_and_all_are_counted() -> None:
    run = made_run(writes_per_s=200, lost=900)
    run = with_check(run, 1, 3, figures={"lost": 900, "rpo_operations": 900, "rpo_s": 4.5})
    text = read(run).text
    assert "900 in all, of which the first 200 are named here." in text
    assert text.count("is not there.") == 200


def test_a_lost_operation_that_the_history_does_not_hold_is_named_all_the_same() -> None:
    run = with_check(made_run(), 1, 3, evidence=(Evidence("lost write", "999999", "Gone."),))
    assert "999999 not in the history Gone." in read(run).text


def test_each_then_step_stands_with_its_verdict_and_a_check_without_step_comes_last() -> None:
    run = made_run()
    extra = CheckResult("x", "x", "an unheard-of sentence", ("MS-GR-01",), run.result.scenarios[0].checks[0].verdict)
    scenario = replace(run.result.scenarios[0], checks=(*run.result.scenarios[0].checks, extra))
    text = read(with_result(run, scenarios=(scenario,))).text
    steps = text[text.index("Steps Given") : text.index("Timeline")]
    assert steps.startswith("Steps Given two sites, each run by a VIM of its own And a stateful VNF")
    assert steps.index("pass Then the second site's VIM works on its own") < steps.index("an unheard-of sentence")


def test_the_command_to_run_a_scenario_again_keeps_files_and_quotes_what_a_shell_would_break() -> None:
    line = ("run", "--profile=my profiles/strict.yaml", "--sites", "our clouds.yaml", "--lab", "two")
    text = read(with_result(made_run(), info=replace(run_info(), command_line=line))).text
    assert (
        "multisite-ha run 'The first site is lost while the link is clean' --profile 'my profiles/strict.yaml' "
        "--vnf subscriber-db-async --scheme reference --seed 2943810552 --sites 'our clouds.yaml' --lab two"
    ) in text


def test_the_limits_of_a_loopback_data_plane_are_stated() -> None:
    assert "no packet was filtered or routed" in read(made_run()).text


@pytest.mark.parametrize(
    ("plane", "said"),
    [("lab, namespaces", "Packets really pass or are stopped"), ("as the sites provide", "compared as configured")],
)
def test_the_limits_follow_the_data_plane(plane: str, said: str) -> None:
    run = with_result(made_run(), info=replace(run_info(), environment={"data plane": plane}))
    text = read(run).text
    assert said in text and "no packet was filtered or routed" not in text


def test_a_run_that_does_not_say_its_data_plane_vouches_for_nothing() -> None:
    run = with_result(made_run(), info=replace(run_info(), environment={}))
    assert "does not say what data plane" in read(run).text


def test_a_run_cut_short_and_one_without_faults_say_so_at_the_top() -> None:
    run = with_result(made_run(), finished=False, info=replace(run_info(), faults_enabled=False))
    text = read(run).text
    top = text[: text.index("Requirement matrix")]
    assert "The run was cut short" in top
    assert "Fault injection was switched off" in top


def test_what_differs_between_the_machines_of_both_sites_is_marked() -> None:
    run = made_run()
    name = run.result.scenarios[0].info.id
    record = run.records[name]
    after = record.inventories["second-after"]
    servers = (replace(after.servers[0], status="ERROR"), *after.servers[1:-1])
    changed = replace(record, inventories={**record.inventories, "second-after": replace(after, servers=servers)})
    text = read(replace(run, records={**run.records, name: changed})).text
    assert "≠ ACTIVE → ERROR" in text
    assert "≠ frontend → absent" in text


def test_a_difference_in_the_networks_that_a_check_found_is_shown_beside_them() -> None:
    run = with_check(made_run(), 0, 4, evidence=(Evidence("network difference", "port vip", "The MTU is 1400."),))
    assert "The MTU is 1400." in read(run).text


def test_a_network_missing_at_the_second_site_is_shown_as_absent() -> None:
    run = made_run()
    name = run.result.scenarios[0].info.id
    record = run.records[name]
    after = replace(record.inventories["second-after"], routers=())
    changed = replace(record, inventories={**record.inventories, "second-after": after})
    assert "✗ absent" in read(replace(run, records={**run.records, name: changed})).text


@pytest.mark.parametrize("ending", ["", "-2", ".2"])
def test_a_link_is_named_without_the_run_it_was_made_for(ending: str) -> None:
    run = made_run()
    name = run.result.scenarios[1].info.id
    target = f"site-b-to-site-a-{run.result.info.run_id}{ending}"
    events = tuple(replace(e, target=target) if e.name == "link-stall" else e for e in run.records[name].events)
    changed = replace(run.records[name], events=events)
    text = read(replace(run, records={**run.records, name: changed})).text
    assert "link-stall site-b-to-site-a ✓" in text and target not in text


def test_a_record_that_cannot_be_read_costs_its_scenario_the_timeline_and_nobody_else_anything() -> None:
    run = made_run()

    def load(name: str) -> ScenarioRecord:
        if name == run.result.scenarios[0].info.id:
            raise OSError("the disk is gone")
        return run.records[name]

    text, problems = render_html(run.result, load, run.catalogue)
    assert len(problems) == 1 and "the disk is gone" in problems[0]
    assert text.count('<svg class="timeline"') == 1
    assert "the disk is gone" in Reader(text).text
    assert "no acknowledged write is lost" in Reader(text).text


def test_problems_of_a_record_are_shown() -> None:
    run = made_run()
    name = run.result.scenarios[0].info.id
    changed = replace(run.records[name], problems=("history.jsonl line 7: not JSON.",))
    assert "history.jsonl line 7: not JSON." in read(replace(run, records={**run.records, name: changed})).text


def poisoned(value: Any) -> Any:
    """The same with EVIL at the end of every text in it, however deep; ids that join things stay."""
    if isinstance(value, str) and not isinstance(value, Status):
        return type(value)(value) if type(value) is not str else value + EVIL
    if isinstance(value, tuple):
        return tuple(poisoned(item) for item in value)
    if isinstance(value, dict):
        return {poisoned(key): poisoned(item) for key, item in value.items()}
    if hasattr(value, "__dataclass_fields__"):
        return replace(value, **{name: poisoned(getattr(value, name)) for name in value.__dataclass_fields__})
    return value


def test_nothing_in_a_record_becomes_markup() -> None:
    clean, run = made_run(), made_run()
    records = {name + EVIL: poisoned(record) for name, record in run.records.items()}
    evil = MadeRun(poisoned(run.result), records, {k + EVIL: poisoned(v) for k, v in run.catalogue.items()})
    text, problems = render_html(evil.result, evil.load, evil.catalogue)
    assert problems == ()
    found, expected = Reader(text), read(clean)
    tags = [tag for tag, _ in found.elements]
    assert tags.count("script") == tags.count("style") == 1
    assert "img" not in tags
    assert set(tags) <= {t for t, _ in expected.elements}
    assert not [a for _, attributes in found.elements for a in attributes if a.startswith("on")]
    assert "window.pwned=1</script><img src=x onerror" in found.text
    assert "{{ 7*7 }}" in found.text


def test_the_page_asks_for_nothing_from_anywhere() -> None:
    elements = read(made_run()).elements
    links = [v for _, a in elements for k, v in a.items() if k in ("src", "href", "srcset", "action", "data") and v]
    assert [link for link in links if not link.startswith(("#", "data:,"))] == []
    assert "url(" not in re.sub(r"url\(#[\w-]+\)", "", CSS)
    assert "@import" not in CSS


def test_the_policy_lets_only_the_pages_own_style_and_script_run() -> None:
    text = page(made_run())
    policy = next(a["content"] for tag, a in Reader(text).elements if tag == "meta" and "http-equiv" in a)
    assert policy is not None and policy.startswith("default-src 'none';") and "unsafe" not in policy
    for tag in ("style", "script"):
        body = re.search(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        assert body is not None
        digest = base64.b64encode(hashlib.sha256(body[1].encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert 'style="' not in text


def test_every_link_inside_the_page_leads_somewhere_and_no_id_is_used_twice() -> None:
    elements = read(made_run(scenarios=7)).elements
    ids = [a["id"] for _, a in elements if "id" in a]
    assert len(ids) == len(set(ids))
    targets = {v for _, a in elements for k, v in a.items() if k == "href" and v and v.startswith("#")}
    assert {target[1:] for target in targets} <= set(ids)
    labels = {v for _, a in elements for k, v in a.items() if k == "aria-labelledby"}
    assert labels <= set(ids)


def luminance(colour: str) -> float:
    parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def themes() -> list[dict[str, str]]:
    blocks = re.findall(r":root \{(.*?)\}", CSS, re.DOTALL)
    return [dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block)) for block in blocks]


@pytest.mark.parametrize("theme", themes(), ids=("light", "dark", "print"))
def test_every_text_stands_out_from_its_ground_by_4_5_to_1(theme: dict[str, str]) -> None:
    verdicts = ("pass", "fail", "inconclusive", "error", "na", "nt")
    pairs = [(text, ground) for text in ("ink", "muted", "accent") for ground in ("bg", "card", "soft", "panel")]
    pairs += [(v, f"{v}-bg") for v in verdicts] + [(v, "card") for v in verdicts]
    pairs += [("ink", f"{v}-bg") for v in verdicts] + [
        ("ink", "band"),
        ("ink", "fault"),
        ("ink", "scheme"),
        ("out", "card"),
    ]
    weak = {pair: round(contrast(theme[pair[0]], theme[pair[1]]), 2) for pair in pairs}
    assert {pair: ratio for pair, ratio in weak.items() if ratio < 4.5} == {}


@pytest.mark.parametrize("theme", themes(), ids=("light", "dark", "print"))
def test_every_mark_of_a_drawing_stands_out_from_its_ground_by_3_to_1(theme: dict[str, str]) -> None:
    marks = ("site-1", "site-2", "site-3", "bad", "unknown", "out")
    assert {m: contrast(theme[m], theme["panel"]) for m in marks if contrast(theme[m], theme["panel"]) < 3} == {}


def test_paper_is_printed_in_the_light_theme() -> None:
    light, _, paper = themes()
    assert {k: v for k, v in paper.items() if k not in ("bg", "line")} == {
        k: v for k, v in light.items() if k not in ("bg", "line")
    }
