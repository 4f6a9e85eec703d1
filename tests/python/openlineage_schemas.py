"""Holds OpenLineage events against the published JSON Schemas: the core by the event's `schemaURL`, each facet by its
own `_schemaURL`. OpenLineage's are in tests/.schemas, where tests/run puts them; those of our own facets are in
agent/openlineage. Nothing is fetched: a schema that is not there is a problem of whoever names it.
"""

import json
import pathlib
import re

from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.exceptions import Unresolvable

ROOT = pathlib.Path(__file__).parents[2]
PUBLISHED = ROOT / "tests" / ".schemas"
OWN = ROOT / "agent" / "openlineage"
CORE = "https://openlineage.io/spec/2-0-2/OpenLineage.json"
FORMATS = Draft202012Validator.FORMAT_CHECKER
# A format whose checker is not installed would be no check at all.
assert {"date-time", "uri", "uuid"} <= set(FORMATS.checkers), sorted(FORMATS.checkers)
# What Marquez takes as the name of a namespace.
NAMESPACE = re.compile(r"[a-zA-Z:;=/0-9_\-.]{1,1024}")


def load():
    documents = {}
    for file in [*sorted(PUBLISHED.rglob("*.json")), *sorted(OWN.glob("*.json"))]:
        document = json.loads(file.read_text(encoding="utf-8"))
        Draft202012Validator.check_schema(document)
        assert document["$id"] not in documents, document["$id"]
        documents[document["$id"]] = document
    assert CORE in documents, "OpenLineage's schemas are not installed; run tests/run --setup"
    return documents


DOCUMENTS = load()
REGISTRY = Registry().with_resources(
    (name, Resource.from_contents(document)) for name, document in DOCUMENTS.items()
)
VALIDATORS = {}


def against(url, value, where):
    """What is wrong with a value by the schema of this address."""
    if url not in VALIDATORS:
        VALIDATORS[url] = Draft202012Validator({"$ref": url}, registry=REGISTRY, format_checker=FORMATS)
    try:
        found = sorted(VALIDATORS[url].iter_errors(value), key=lambda error: list(map(str, error.absolute_path)))
    except Unresolvable as missing:
        return [f"{where}: no schema {missing.ref}"]
    return [f"{where}{error.json_path[1:]}: {error.message}" for error in found]


def is_of(url, kind):
    """Whether the schema of a facet says that it is one of this kind (`RunFacet`)."""
    schema = REGISTRY.resolver().lookup(url).contents
    return any(part.get("$ref", "").endswith(f"#/$defs/{kind}") for part in schema.get("allOf", []))


def of_facet(name, facet, kind, where):
    url = facet.get("_schemaURL") if isinstance(facet, dict) else None
    if not isinstance(url, str):
        return [f"{where}: names no schema"]
    document = DOCUMENTS.get(url.partition("#")[0])
    if document is None:
        return [f"{where}: no schema {url}"]
    found = against(url, facet, where)
    if name.startswith("connect_"):
        if document["title"] != name:
            found.append(f"{where}: is a {document['title']} by its schema")
        return found + against(f"{CORE}#/$defs/{kind}", facet, where)
    # The document says which name its facet has, and its definition which place.
    if document.get("properties", {}).get(name, {}).get("$ref") != url[len(document["$id"]) :]:
        found.append(f"{where}: {url} is no schema of `{name}`")
    elif not is_of(url, kind):
        found.append(f"{where}: is no {kind} by its schema")
    return found


def of_facets(facets, kind, where):
    if not isinstance(facets, dict):
        return []
    return [problem for name, facet in facets.items() for problem in of_facet(name, facet, kind, f"{where}.{name}")]


def of_datasets(event, kind):
    """`inputs` with `inputFacets`, and the other way round."""
    field, more, facet = f"{kind}s", f"{kind}Facets", f"{kind.capitalize()}DatasetFacet"
    for at, dataset in enumerate(event.get(field, [])):
        where = f".{field}[{at}]"
        yield from of_facets(dataset.get("facets"), "DatasetFacet", f"{where}.facets")
        yield from of_facets(dataset.get(more), facet, f"{where}.{more}")
        if not NAMESPACE.fullmatch(dataset["namespace"]) or not dataset["name"].strip():
            yield f"{where}: is no name for Marquez"


def problems(event):
    """Everything that is wrong with an event."""
    url = event.get("schemaURL") if isinstance(event, dict) else None
    if url != f"{CORE}#/$defs/RunEvent":
        return [f"schemaURL: {url} is no run event of {CORE}"]
    found = against(url, event, "")
    if found:
        return found
    if "eventType" not in event:
        found.append("eventType: is missing")
    if not NAMESPACE.fullmatch(event["job"]["namespace"]) or not event["job"]["name"].strip():
        found.append("job: is no name for Marquez")
    found += of_facets(event["run"].get("facets"), "RunFacet", ".run.facets")
    found += of_facets(event["job"].get("facets"), "JobFacet", ".job.facets")
    return [*found, *of_datasets(event, "input"), *of_datasets(event, "output")]
