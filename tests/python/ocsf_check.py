"""Validates events, one JSON object a line, against the public OCSF schema. Says what is wrong with which."""

import json
import sys

from jsonschema import Draft202012Validator
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

schemas = OcsfJsonSchemaEmbedded(get_ocsf_schema(version="1.8.0"))
validators = {}
checked = wrong = 0
for line in open(sys.argv[1], encoding="utf-8"):
    event = json.loads(line)
    key = (event["class_uid"], tuple(event["metadata"].get("profiles", [])))
    if key not in validators:
        name = schemas.lookup_class_name_from_uid(class_uid=key[0])
        schema = schemas.get_class_schema(class_name=name, profiles=list(key[1]))
        validators[key] = Draft202012Validator(schema)
    checked += 1
    for error in validators[key].iter_errors(event):
        wrong += 1
        print(f"{event['metadata']['event_code']} ({key[0]}): {error.json_path}: {error.message[:300]}")
print(f"{checked} events, {wrong} errors")
sys.exit(1 if wrong or not checked else 0)
