"""The schemas that the project publishes."""

import json
import pathlib

from jsonschema import Draft202012Validator

FOLDER = pathlib.Path(__file__).parents[2] / "shared" / "schemas"


def form(name):
    """What validates by the schema of this name, which is itself one."""
    schema = json.loads((FOLDER / f"{name}.schema.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)
