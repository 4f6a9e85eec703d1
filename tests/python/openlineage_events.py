"""Holds OpenLineage events against the published schemas, and reads them with OpenLineage's own client. Its classes are
made from the same schemas and are stricter: a field that a schema does not have is an error, too, and so is a schema
that is newer than the client's.

Usage: openlineage_events.py FILE
"""

import json
import re
import sys

from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState
from openlineage.client.generated import column_lineage_dataset, input_statistics_input_dataset
from openlineage.client.generated import lifecycle_state_change_dataset
from openlineage.client.generated import output_statistics_output_dataset, parent_run, sql_job

from openlineage_schemas import problems

VERSION = re.compile(r"/(\d+)-(\d+)-(\d+)/")


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


def state_change(facet):
    module = lifecycle_state_change_dataset
    return module.LifecycleStateChangeDatasetFacet(
        lifecycleStateChange=module.LifecycleStateChange(facet.pop("lifecycleStateChange")),
        previousIdentifier=module.PreviousIdentifier(**facet.pop("previousIdentifier")),
        **facet,
    )


KNOWN = {
    "columnLineage": column_lineage,
    "lifecycleStateChange": state_change,
    "parent": parent,
    "sql": lambda facet: sql_job.SQLJobFacet(**facet),
    "inputStatistics": lambda facet: input_statistics_input_dataset.InputStatisticsInputDatasetFacet(**facet),
    "outputStatistics": lambda facet: output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(**facet),
}


def readable(said, known):
    """Whether a reader of one version of a schema reads what was written by another."""
    said_version, known_version = (tuple(map(int, VERSION.search(url).groups())) for url in (said, known))
    same = VERSION.sub("/", said) == VERSION.sub("/", known)
    return same and said_version[0] == known_version[0] and said_version <= known_version


def facets(all_of_them):
    read_ones = {}
    for name, facet in all_of_them.items():
        if name.startswith("connect_"):
            continue
        facet = json.loads(json.dumps(facet))
        said = facet.pop("_schemaURL")
        producer = facet.pop("_producer")
        read_ones[name] = KNOWN[name](facet)
        assert readable(said, read_ones[name]._schemaURL), (name, said)
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
    found = problems(event)
    assert not found, "\n".join(found)
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
