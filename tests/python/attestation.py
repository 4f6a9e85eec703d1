"""Reads an attestation with other people's libraries: DSSE by securesystemslib, statements by in-toto.

Usage: attestation.py FILE.intoto.jsonl AGENTS.toml
"""

import base64
import hashlib
import json
import sys
import tomllib

from google.protobuf import json_format
from in_toto_attestation.v1.statement import Statement
from in_toto_attestation.v1 import statement_pb2
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import SSlibKey


def key(text):
    """`name+hash+base64(0x01 || public key)`, as signed notes have it."""
    name, short, encoded = text.split("+", 2)
    public = base64.b64decode(encoded)[1:].hex()
    return SSlibKey(f"{name}+{short}", "ed25519", "ed25519", {"public": public})


def summary(predicate):
    """SHA-256 over everything that is known when the log's entry is made."""
    known = {name: value for name, value in predicate.items() if name not in ("index", "receipt", "receipts")}
    text = json.dumps(known, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def logged(receipt):
    """The log's entry, which stands in the second line of its proof."""
    return json.loads(base64.b64decode(receipt.split("\n")[1].removeprefix("extra ")))


def main(attestation, agents):
    with open(agents, "rb") as file:
        known = tomllib.load(file)
    [log] = {agent["log"]["key"] for agent in known["agent"]}
    with open(attestation, encoding="utf-8") as file:
        envelopes = [Envelope.from_dict(json.loads(line)) for line in file]
    ours, slsa = envelopes
    statements = [json.loads(envelope.payload) for envelope in envelopes]
    own = key(statements[0]["predicate"]["key"])
    ours.verify([key(log), own], 2)
    slsa.verify([own], 1)
    try:
        slsa.verify([key(log)], 1)
        raise SystemExit("the agent has not signed SLSA's line, and yet it verifies")
    except VerificationError:
        pass
    predicate = statements[0]["predicate"]
    if summary(predicate) != logged(predicate["receipt"])["summary"]:
        raise SystemExit("the log's entry has another summary of what the agent says")
    for statement in statements:
        message = json_format.ParseDict(statement, statement_pb2.Statement())
        Statement.copy_from_pb(message).validate()
        for subject in message.subject:
            for algorithm, digest in subject.digest.items():
                print(message.predicate_type, subject.name, algorithm, digest)


if __name__ == "__main__":
    main(*sys.argv[1:])
