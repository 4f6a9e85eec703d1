"""Spoils OpenLineage events in every way that matters, one at a time, and demands that the receiver refuses each.

Usage: openlineage_attacks.py URL TOKEN FILE
"""

import copy
import json
import sys
import urllib.error
import urllib.request

GONE = object()

# Where, and what stands there then. `*` is any name or index.
ATTACKS = [
    ("eventTime", GONE),
    ("eventTime", "yesterday"),
    ("eventTime", "2026-01-01T00:00:00"),
    ("eventType", GONE),
    ("eventType", "DONE"),
    ("producer", GONE),
    ("producer", "no uri"),
    ("schemaURL", GONE),
    ("schemaURL", "https://openlineage.io/spec/9-0-0/OpenLineage.json#/$defs/RunEvent"),
    ("schemaURL", "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/JobEvent"),
    ("more", 1),
    ("run", GONE),
    ("run/runId", GONE),
    ("run/runId", "1"),
    ("run/facets/*", {}),
    ("run/facets/*/_producer", GONE),
    ("run/facets/*/_schemaURL", GONE),
    ("run/facets/*/_schemaURL", "https://example.com/facet.json"),
    ("run/facets/connect_*/more", 1),
    ("run/facets/connect_audit/outcome", "7"),
    ("run/facets/connect_audit/_schemaURL", "tag:connect.invalid,2026:openlineage/1-0-0/lineage"),
    ("run/facets/connect_identity/sub", GONE),
    ("run/facets/connect_decision/outcome", "maybe"),
    ("run/facets/connect_lineage/status", "fine"),
    ("run/facets/connect_run/resources", []),
    ("run/facets/connect_unknown", {"_producer": "a:b", "_schemaURL": "a:b"}),
    ("run/facets/parent/run", GONE),
    ("run/facets/parent/run/runId", "1"),
    ("run/facets/parent/job/name", GONE),
    ("run/facets/parent/more", 1),
    ("run/facets/sql", "job/facets/sql"),
    ("job", GONE),
    ("job/namespace", GONE),
    ("job/namespace", "with space"),
    ("job/name", " "),
    ("job/facets/sql/query", GONE),
    ("job/facets/sql/dialect", 1),
    ("job/facets/sql/more", 1),
    ("inputs", {}),
    ("inputs/*/name", GONE),
    ("inputs/*/namespace", "with space"),
    ("outputs/*/name", GONE),
    ("outputs/*/namespace", 1),
    ("outputs/*/facets/columnLineage/fields", GONE),
    ("outputs/*/facets/columnLineage/fields/*/inputFields", GONE),
    ("outputs/*/facets/columnLineage/fields/*/inputFields/*/field", GONE),
    ("outputs/*/facets/columnLineage/fields/*/inputFields/*/transformations/*/type", GONE),
    ("outputs/*/facets/columnLineage/fields/*/inputFields/*/transformations/*/masking", "yes"),
    ("outputs/*/facets/columnLineage/dataset/*/name", GONE),
    ("outputs/*/facets/columnLineage/_schemaURL", "https://openlineage.io/spec/facets/1-2-0/SchemaDatasetFacet.json"),
    ("outputs/*/facets/outputStatistics", "outputs/*/outputFacets/outputStatistics"),
    ("outputs/*/outputFacets/outputStatistics/rowCount", "1"),
    ("outputs/*/outputFacets/outputStatistics/more", 1),
]


def matches(pattern, name):
    return name.startswith(pattern[:-1]) if pattern.endswith("*") else name == pattern


def places(value, path):
    """(parent, name) of everything at a path; the last name need not be there."""
    first, _, rest = path.partition("/")
    names = range(len(value)) if isinstance(value, list) else list(value) if isinstance(value, dict) else []
    found = [name for name in names if matches(first, str(name))]
    if rest:
        return [place for name in found for place in places(value[name], rest)]
    if isinstance(value, dict) and "*" not in first:
        found = [first]
    return [(value, name) for name in found]


def spoiled(event, path, new):
    """An event for each place, with something else there; none where it would be the same."""
    for at in range(len(places(event, path))):
        one = copy.deepcopy(event)
        parent, name = places(one, path)[at]
        if new is GONE:
            if name not in (parent if isinstance(parent, dict) else range(len(parent))):
                continue
            del parent[name]
        elif isinstance(new, str) and new.count("/") > 1 and ":" not in new:
            # A facet of another place.
            there = places(event, new)
            if not there or there[0][1] not in there[0][0]:
                continue
            parent[name] = there[0][0][there[0][1]]
        else:
            parent[name] = new
        if one != event:
            yield one


def post(url, token, body, kind="application/json"):
    headers = {"Content-Type": kind, "Authorization": f"Bearer {token}"}
    request = urllib.request.Request(url, body, headers)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, ""
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())["message"]


def main(url, token, file):
    with open(file, encoding="utf-8") as lines:
        events = [json.loads(line) for line in lines]
    for path, new in ATTACKS:
        tried = 0
        for event in events:
            for one in spoiled(event, path, new):
                status, reason = post(url, token, json.dumps(one).encode())
                assert status == 422 and reason, (path, new, status, one)
                tried += 1
            if tried > 8:
                break
        assert tried, f"no event has {path}"
        print(path, tried)
    good = json.dumps(events[0]).encode()
    assert post(url, token, good[:-1])[0] == 400
    assert post(url, "other", good)[0] == 401
    assert post(url, token, good, "text/plain")[0] == 415
    assert post(url, token, good)[0] == 201


if __name__ == "__main__":
    main(*sys.argv[1:])
