"""Reads OpenLineage events with OpenLineage's own client. Its classes are made from the published schemas: a
field that a schema does not have, one that is missing or of another form, and a schema of another version are
errors. Facets of our own are held against the schemas in agent/openlineage.

Usage: openlineage_events.py FILE
"""

import json
import pathlib
import sys

from jsonschema import Draft202012Validator
from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState
from openlineage.client.generated import column_lineage_dataset, output_statistics_output_dataset
from openlineage.client.generated import parent_run, sql_job

OWN = pathlib.Path(__file__).parents[2] / "agent" / "openlineage"


def column_lineage(facet):
    module = column_lineage_dataset

    def field(value):
        transformations = [module.Transformation(**one) for one in value.pop("transformations")]
        for one in transformations:
            assert one.type in ("DIRECT", "INDIRECT"), one
        return module.InputField(**value, transformations=transformations)

    fields = {
        name: module.Fields(inputFields=[field(one) for one in value.pop("inputFields")], **value)
        for name, value in facet.pop("fields").items()
    }
    dataset = [field(one) for one in facet.pop("dataset")]
    return module.ColumnLineageDatasetFacet(fields=fields, dataset=dataset, **facet)


def parent(facet):
    return parent_run.ParentRunFacet(
        run=parent_run.Run(**facet.pop("run")), job=parent_run.Job(**facet.pop("job")), **facet
    )


KNOWN = {
    "columnLineage": column_lineage,
    "parent": parent,
    "sql": lambda facet: sql_job.SQLJobFacet(**facet),
    "outputStatistics": lambda facet: output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(**facet),
}


def facets(all_of_them):
    read_ones = {}
    for name, facet in all_of_them.items():
        if name.startswith("connect_"):
            schema = json.loads((OWN / f"{name}.json").read_text(encoding="utf-8"))
            Draft202012Validator(schema).validate(facet)
            assert facet["_schemaURL"] == schema["$id"], name
            continue
        facet = json.loads(json.dumps(facet))
        said = facet.pop("_schemaURL")
        producer = facet.pop("_producer")
        read_ones[name] = KNOWN[name](facet)
        assert read_ones[name]._schemaURL == said, (name, said)
        assert producer
    return read_ones


def dataset(kind, value):
    value = dict(value)
    value["facets"] = facets(value.get("facets", {}))
    for more in ("inputFacets", "outputFacets"):
        if more in value:
            value[more] = facets(value[more])
    return kind(**value)


def read(event):
    """The masked columns of an event that is one."""
    event = dict(event)
    run, job, said = event.pop("run"), event.pop("job"), event.pop("schemaURL")
    made = RunEvent(
        eventType=RunState(event.pop("eventType")),
        run=Run(runId=run["runId"], facets=facets(run.get("facets", {}))),
        job=Job(namespace=job["namespace"], name=job["name"], facets=facets(job.get("facets", {}))),
        inputs=[dataset(InputDataset, one) for one in event.pop("inputs")],
        outputs=[dataset(OutputDataset, one) for one in event.pop("outputs")],
        **event,
    )
    assert made.schemaURL == said, said
    for output in made.outputs:
        lineage = output.facets.get("columnLineage")
        if lineage is None:
            continue
        for field in [*lineage.dataset, *(one for each in lineage.fields.values() for one in each.inputFields)]:
            if any(one.masking for one in field.transformations):
                yield f"{field.name}.{field.field}"


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as lines:
        for line in lines:
            parsed = json.loads(line)
            masked = sorted(set(read(parsed)))
            print(parsed["eventType"], parsed["job"]["name"], *masked)
