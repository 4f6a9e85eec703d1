"""Reads documents about lineage with other people's libraries: OpenLineage's client, whose classes are made from
the published schemas of the core and of each facet; CycloneDX's validator; in-toto's statement; MLCommons' Croissant;
and answers of `connect lineage --json`, one a line, by the published schema.

Usage: lineage_documents.py OPENLINEAGE CYCLONEDX INTOTO CROISSANT ANSWERS
"""

import json
import sys

import mlcroissant
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from google.protobuf import json_format
from in_toto_attestation.v1 import statement_pb2
from in_toto_attestation.v1.statement import Statement

from openlineage_events import read
from published import form


def check_answers(answers):
    """What the schema says is there, and nothing else."""
    schema = form("lineage-v1")
    kinds, flows = set(), set()
    for answer in answers:
        schema.validate(answer)
        kinds |= {node["kind"] for node in answer["nodes"]}
        flows |= {edge["flow"] for edge in answer["edges"]}
        for part in ("nodes", "edges"):
            others = [one | {"verified": True} for one in answer[part]]
            assert not others or not schema.is_valid(answer | {part: others}), "the schema holds whatever is said"
    print("answers", *sorted(kinds), *sorted(flows))


def main(events, bill, statement, dataset, answers):
    with open(events, encoding="utf-8") as file:
        for line in file:
            for masked in read(json.loads(line)):
                print("masked", masked)
    with open(bill, encoding="utf-8") as file:
        problem = JsonStrictValidator(SchemaVersion.V1_6).validate_str(file.read())
    if problem is not None:
        raise SystemExit(f"CycloneDX: {problem}")
    with open(statement, encoding="utf-8") as file:
        message = json_format.ParseDict(json.load(file), statement_pb2.Statement())
    Statement.copy_from_pb(message).validate()
    # Raises what its validator finds.
    metadata = mlcroissant.Dataset(jsonld=dataset).metadata
    for file in metadata.distribution:
        print("file", file.name, file.sha256)
    for column in metadata.personal_sensitive_information:
        print("personal", column)
    with open(answers, encoding="utf-8") as file:
        check_answers(json.loads(line) for line in file)


if __name__ == "__main__":
    main(*sys.argv[1:])
