"""Scores public lineage tools on the set of tests/corpora/lineage and prints a table.

    lineage_score.py CATALOG ANSWERS [--sql-insight PROGRAM] [--ours ANALYSIS]

CATALOG: {"tables": {"schema.table": [[column, type]]}, "views": {"schema.view": {"sql": …}}, "code": [names]}.
ANSWERS and ANALYSIS: the set and what `connect-agent analyze` says, as JSON lines.

Leniently where tools differ in form: names of columns are not counted, nor columns without sources; letters' case and
quotes are left out. "With conditions": columns that only decide may stand among the sources, since most tools make no
difference; what is silently wrong is wrong even so. Statements are left out that a tool cannot be told about: those that depend on a session, a search
path, functions of one's own, rules and triggers; for a tool that takes no view definitions, those that read views.
"""

import argparse
import json
import re
import sys
import warnings
from collections import Counter
from importlib import metadata

import lineage_tools


def read_lines(path):
    with open(path, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.strip()]


def wanted(answer):
    """Columns with sources, in the form of what tools say."""
    said = []
    for output in answer["outputs"]:
        for column in output["columns"]:
            said.append((output.get("table"), column["name"], {name.lower() for name in column["direct"]}))
    return said


def pair_up(want, got):
    """Pairs of source sets: first by name, the rest by what they have in common."""
    want = [entry for entry in want if entry[2]]
    # `count(*)` as a source of "*" is no column.
    got = [(*entry[:2], {name for name in entry[2] if not name.endswith(".*")}) for entry in got]
    got = [entry for entry in got if entry[2]]
    pairs = []
    for same in (lambda a, b: a[:2] == b[:2], lambda a, b: (a[1] or "").lower() == (b[1] or "").lower()):
        for entry in list(want):
            found = next((other for other in got if same(entry, other)), None)
            if found:
                want.remove(entry)
                got.remove(found)
                pairs.append((entry[2], found[2]))
    for entry in want:
        found = max(got, key=lambda other: len(entry[2] & other[2]), default=None)
        if found:
            got.remove(found)
        pairs.append((entry[2], found[2] if found else set()))
    return pairs + [(set(), entry[2]) for entry in got]


class Score:
    def __init__(self, name):
        self.name = name
        self.count = Counter()

    def take(self, answer, said, flagged):
        """`said` is None where it was refused."""
        self.count["statements"] += 1
        self.count["flagged"] += flagged
        if answer["status"] != "complete":
            self.count["to flag"] += 1
            self.count["flagged rightly"] += flagged
            self.count["silently wrong"] += not flagged
            return
        self.count["asked"] += 1
        pairs = pair_up(wanted(answer), said or [])
        conditions = {name.lower() for name in answer["indirect"]}
        exact = said is not None and all(want == got for want, got in pairs)
        right = said is not None and all(want <= got <= want | conditions for want, got in pairs)
        self.count["exact"] += exact
        self.count["right"] += right
        self.count["silently wrong"] += not right and not flagged
        self.count["edges right"] += sum(len(want & got) for want, got in pairs)
        self.count["edges wanted"] += sum(len(want) for want, _ in pairs)
        self.count["edges said"] += sum(len(got) for _, got in pairs)

    def share(self, part, whole):
        return f"{100 * self.count[part] / self.count[whole]:.1f} %" if self.count[whole] else "-"

    def row(self, version):
        cells = [
            f"{self.name} {version}".strip(),
            self.count["statements"],
            self.share("exact", "asked"),
            self.share("right", "asked"),
            self.share("edges right", "edges said"),
            self.share("edges right", "edges wanted"),
            f"{self.count['silently wrong']} ({self.share('silently wrong', 'statements')})",
            self.count["flagged"],
            f"{self.count['flagged rightly']} of {self.count['to flag']}",
        ]
        return "| " + " | ".join(str(cell) for cell in cells) + " |"


HEAD = (
    "| | statements | direct exact | with conditions | edges: precision | recall | silently wrong | refused or flagged | of those that must be |\n"
    "|---|---|---|---|---|---|---|---|---|"
)


def mentions(answer, names):
    text = " ".join([answer["sql"], *answer["session"]]).replace("harbour.", "")
    ends = {name: r"\b" if name[-1].isalnum() else "" for name in names}
    return any(re.search(rf"(?<![\w.]){re.escape(name)}{ends[name]}", text) for name in names)


def stands_alone(answer, catalog):
    return not answer["session"] and answer["search_path"] == ["harbour"] and not mentions(answer, catalog["code"])


def score_tool(tool, answers, catalog):
    score, views = Score(tool.name), [name.split(".")[1] for name in catalog["views"]]
    for answer in answers:
        if not tool.takes_views and mentions(answer, views):
            continue
        said, flagged = None, True
        try:
            said, flagged = tool.ask(answer["sql"])
        except Exception:
            # Whatever a tool raises, it has not answered.
            pass
        score.take(answer, said, flagged)
    return score


def score_ours(analysis, answers):
    score = Score("connect-agent analyze")
    said = {line["id"]: line for line in analysis}
    for answer in answers:
        line = said[answer["id"]]
        score.take(answer, wanted(line), line["status"] != "complete")
    return score


def version_of(tool):
    return getattr(tool, "version", None) or metadata.version(tool.name.replace("-", "_"))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("catalog")
    parser.add_argument("answers")
    parser.add_argument("--sql-insight")
    parser.add_argument("--ours")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    with open(arguments.catalog, encoding="utf-8") as text:
        catalog = json.load(text)
    answers = read_lines(arguments.answers)
    alone = [answer for answer in answers if stands_alone(answer, catalog)]
    print(f"{len(answers)} statements, of which {len(alone)} stand alone\n\n{HEAD}")
    tools = [lineage_tools.Sqlglot(catalog), lineage_tools.Sqllineage(catalog), lineage_tools.Openlineage(catalog)]
    if arguments.sql_insight:
        tools.append(lineage_tools.SqlInsight(catalog, arguments.sql_insight))
    for tool in tools:
        print(score_tool(tool, alone, catalog).row(version_of(tool)), flush=True)
    if arguments.ours:
        analysis = read_lines(arguments.ours)
        ours = score_ours(analysis, alone)
        print(ours.row("(the same)"))
        print(score_ours(analysis, answers).row("(all)"))


if __name__ == "__main__":
    sys.exit(main())
