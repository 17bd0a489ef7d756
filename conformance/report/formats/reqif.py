"""run.reqif: the catalogue with the run's verdicts in ReqIF 1.2, the exchange format of requirement tools.

Two specifications: the requirements, and the scenarios that judged them; a relation ``Verifies`` leads from each
scenario to each of its requirements. Names of attributes follow the ReqIF Implementation Guide, so that tools know
what is id, title and text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from xml.etree import ElementTree as ET

from conformance.report.formats.base import Document, JudgedRun
from conformance.report.formats.sentences import sentences, trouble
from conformance.report.formats.xml import clean
from conformance.report.matrix import matrix
from conformance.report.wording import WORDS

_NAMESPACE = "http://www.omg.org/spec/ReqIF/20110401/reqif.xsd"
_STRING = "datatype-string"
_REQUIREMENT = {
    "id": "ReqIF.ForeignID",
    "name": "ReqIF.Name",
    "text": "ReqIF.Text",
    "use-case": "Use case",
    "source": "Source",
    "strength": "Strength",
    "demand": "Demand",
    "verdict": "Verdict",
    "reason": "Reason",
}
_SCENARIO = {
    "id": "ReqIF.ForeignID",
    "name": "ReqIF.Name",
    "text": "ReqIF.Text",
    "verdict": "Verdict",
    "reason": "Reason",
}


def render(run: JudgedRun) -> Document:
    """run.reqif. The time of last change is the run's: the file is the same whenever it is written."""
    info = run.result.info
    when = info.started_wall
    root = ET.Element("REQ-IF", {"xmlns": _NAMESPACE})
    header = ET.SubElement(ET.SubElement(root, "THE-HEADER"), "REQ-IF-HEADER", {"IDENTIFIER": _id("run", info.run_id)})
    for tag, text in (
        ("CREATION-TIME", when),
        ("REQ-IF-TOOL-ID", f"multisite-ha {info.product_version}"),
        ("REQ-IF-VERSION", "1.2"),
        ("SOURCE-TOOL-ID", "multisite-ha"),
        ("TITLE", f"multisite-ha {info.profile}: {WORDS[run.result.verdict].text}"),
    ):
        ET.SubElement(header, tag).text = clean(text)
    content = ET.SubElement(ET.SubElement(root, "CORE-CONTENT"), "REQ-IF-CONTENT")
    types = _definitions(content, when)
    objects = ET.SubElement(content, "SPEC-OBJECTS")
    requirements = {name: _object(objects, types, "requirement", name, v, when) for name, v in _requirements(run)}
    scenarios = {name: _object(objects, types, "scenario", name, values, when) for name, values in _scenarios(run)}
    relations = ET.SubElement(content, "SPEC-RELATIONS")
    for scenario in run.result.scenarios:
        judged = dict.fromkeys(r for check in scenario.checks for r in check.requirements)
        for requirement in judged:
            _relation(relations, scenarios[scenario.info.id], requirements[requirement], when)
    specifications = ET.SubElement(content, "SPECIFICATIONS")
    _specification(specifications, "requirements", "Requirements and verdicts", requirements.values(), when)
    _specification(specifications, "scenarios", f"Scenarios of run {info.run_id}", scenarios.values(), when)
    ET.indent(root)
    return Document('<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n")


def _requirements(run: JudgedRun) -> Iterable[tuple[str, Mapping[str, str]]]:
    for row in matrix(run.result, run.catalogue):
        known = row.requirement
        sentence = f", sentence {known.source.sentence}" if known and known.source.sentence is not None else ""
        yield (
            row.result.id,
            {
                "id": row.result.id,
                "name": row.title,
                "text": known.statement if known else "",
                "use-case": known.use_case if known else "",
                "source": f"{known.source.document} ({known.source.revision}){sentence}" if known else "",
                "strength": str(known.strength) if known else "",
                "demand": row.demand or "",
                "verdict": WORDS[row.result.verdict].text,
                "reason": row.result.reason,
            },
        )


def _scenarios(run: JudgedRun) -> Iterable[tuple[str, Mapping[str, str]]]:
    for scenario in run.result.scenarios:
        reasons = [f"{c.phrase}: {WORDS[c.verdict.status].text}. {c.verdict.reason}" for c in scenario.checks]
        wrong = trouble(scenario)
        yield (
            scenario.info.id,
            {
                "id": scenario.info.id,
                "name": scenario.info.name,
                "text": "\n".join(f"{s.keyword} {s.text}" for s in sentences(scenario)),
                "verdict": WORDS[scenario.status].text,
                "reason": "\n".join([*([wrong] if wrong else []), *reasons]),
            },
        )


def _definitions(content: ET.Element, when: str) -> dict[str, Mapping[str, str]]:
    datatypes = ET.SubElement(content, "DATATYPES")
    ET.SubElement(datatypes, "DATATYPE-DEFINITION-STRING", _named(_STRING, "String", when) | {"MAX-LENGTH": "1000000"})
    types = ET.SubElement(content, "SPEC-TYPES")
    for kind, long_name, attributes in (
        ("requirement", "REQUIREMENT", _REQUIREMENT),
        ("scenario", "SCENARIO", _SCENARIO),
    ):
        made = ET.SubElement(types, "SPEC-OBJECT-TYPE", _named(f"type-{kind}", long_name, when))
        within = ET.SubElement(made, "SPEC-ATTRIBUTES")
        for key, name in attributes.items():
            attribute = ET.SubElement(
                within, "ATTRIBUTE-DEFINITION-STRING", _named(f"attribute-{kind}-{key}", name, when)
            )
            reference = ET.SubElement(ET.SubElement(attribute, "TYPE"), "DATATYPE-DEFINITION-STRING-REF")
            reference.text = _STRING
    ET.SubElement(types, "SPEC-RELATION-TYPE", _named("type-verifies", "Verifies", when))
    ET.SubElement(types, "SPECIFICATION-TYPE", _named("type-specification", "Specification", when))
    return {"requirement": _REQUIREMENT, "scenario": _SCENARIO}


def _object(
    parent: ET.Element,
    types: Mapping[str, Mapping[str, str]],
    kind: str,
    name: str,
    values: Mapping[str, str],
    when: str,
) -> str:
    identifier = _id(kind, name)
    made = ET.SubElement(parent, "SPEC-OBJECT", _named(identifier, values["name"], when))
    within = ET.SubElement(made, "VALUES")
    for key in (key for key in types[kind] if values[key]):  # what is not known is left out, not empty
        value = ET.SubElement(within, "ATTRIBUTE-VALUE-STRING", {"THE-VALUE": clean(values[key])})
        reference = ET.SubElement(ET.SubElement(value, "DEFINITION"), "ATTRIBUTE-DEFINITION-STRING-REF")
        reference.text = f"attribute-{kind}-{key}"
    ET.SubElement(ET.SubElement(made, "TYPE"), "SPEC-OBJECT-TYPE-REF").text = f"type-{kind}"
    return identifier


def _relation(parent: ET.Element, source: str, target: str, when: str) -> None:
    made = ET.SubElement(parent, "SPEC-RELATION", {"IDENTIFIER": f"{source}-to-{target}", "LAST-CHANGE": when})
    ET.SubElement(ET.SubElement(made, "TYPE"), "SPEC-RELATION-TYPE-REF").text = "type-verifies"
    ET.SubElement(ET.SubElement(made, "SOURCE"), "SPEC-OBJECT-REF").text = source
    ET.SubElement(ET.SubElement(made, "TARGET"), "SPEC-OBJECT-REF").text = target


def _specification(parent: ET.Element, name: str, title: str, objects: Iterable[str], when: str) -> None:
    made = ET.SubElement(parent, "SPECIFICATION", _named(f"specification-{name}", title, when))
    ET.SubElement(ET.SubElement(made, "TYPE"), "SPECIFICATION-TYPE-REF").text = "type-specification"
    children = ET.SubElement(made, "CHILDREN")
    for identifier in objects:
        place = ET.SubElement(children, "SPEC-HIERARCHY", {"IDENTIFIER": f"place-{identifier}", "LAST-CHANGE": when})
        ET.SubElement(ET.SubElement(place, "OBJECT"), "SPEC-OBJECT-REF").text = identifier


def _named(identifier: str, long_name: str, when: str) -> dict[str, str]:
    return {"IDENTIFIER": identifier, "LAST-CHANGE": when, "LONG-NAME": clean(long_name)}


def _id(kind: str, name: str) -> str:
    return f"{kind}-" + re.sub(r"[^\w.-]", "-", name)
