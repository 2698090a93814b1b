"""Checks as continuous integration reads them: JUnit XML, and a Markdown table."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree

from edgegan.bench.gate import Check

HEAD = ("| figure | before | now | change | |", "| --- | ---: | ---: | ---: | --- |")


def junit(suite: str, checks: Sequence[Check], seconds: float) -> bytes:
    """A ``testsuite`` with a ``testcase`` for each check, as Jenkins, GitLab and GitHub's reporters take it."""
    failed = sum(check.failure is not None for check in checks)
    counts = {"tests": str(len(checks)), "failures": str(failed), "errors": "0", "time": f"{seconds:.3f}"}
    root = ElementTree.Element("testsuites", counts)
    element = ElementTree.SubElement(root, "testsuite", {"name": suite, **counts})
    for check in checks:
        case = ElementTree.SubElement(element, "testcase", {"classname": f"edgegan.{suite}", "name": check.name})
        if check.failure is not None:
            ElementTree.SubElement(case, "failure", {"message": check.failure}).text = check.failure
        if check.note is not None:
            ElementTree.SubElement(case, "system-out").text = check.note
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)


def markdown(suite: str, checks: Sequence[Check]) -> str:
    """A heading and a table, for a comment on a pull request or a job's summary."""
    failed = sum(check.failure is not None for check in checks)
    verdict = f"{failed} of {len(checks)} checks failed" if failed else f"all {len(checks)} checks passed"
    lines = [f"### {suite}: {verdict}", "", *HEAD]
    for check in checks:
        before = "" if check.before is None else f"{check.before:.4g}"
        change = "" if check.before is None else f"{check.value / check.before - 1:+.1%}"
        told = "**failed**" if check.failure else "within what the runs vary" if check.note else "passed"
        name = check.name.replace("|", "\\|")
        lines.append(f"| {name} | {before} | {check.value:.4g} | {change} | {told} |")
    return "\n".join(lines) + "\n"
