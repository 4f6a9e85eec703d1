"""Checks an attestation with other people's libraries: DSSE by securesystemslib, statements by in-toto, the log's receipt
by aics-tlog, the predicate by the published schema, and the files by their hashes. The files have to lie where the statements name them.

Usage: attestation.py FILE.intoto.jsonl AGENTS.toml
"""

import base64
import functools
import hashlib
import json
import os
import pathlib
import sys
import tomllib

from aics_tlog import parse_note, parse_vkey, verify_checkpoint, verify_leaf_inclusion
from google.protobuf import json_format
from in_toto_attestation.v1.statement import Statement
from in_toto_attestation.v1 import statement_pb2
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import SSlibKey

from published import form


def has_its_form(predicate):
    """What the schema says is there, and nothing else."""
    schema = form("run-v1")
    schema.validate(predicate)
    statements = predicate["statements"]
    for other in (predicate | {"verified": True}, predicate | {"statements": [one | {"rows": -1} for one in statements]}):
        assert not statements or not schema.is_valid(other), "the schema holds whatever is said"


def key(text):
    """`name+hash+base64(0x01 || public key)`, as signed notes have it."""
    name, short, encoded = text.split("+", 2)
    public = base64.b64decode(encoded)[1:].hex()
    return SSlibKey(f"{name}+{short}", "ed25519", "ed25519", {"public": public})


def parts(receipt):
    """Of a `c2sp.org/tlog-proof@v1`: the entry, its index, the hashes beside its path, and the checkpoint."""
    head, checkpoint = receipt.split("\n\n", 1)
    first, extra, index, *hashes = head.split("\n")
    assert first == "c2sp.org/tlog-proof@v1", first
    entry = base64.b64decode(extra.removeprefix("extra "), validate=True)
    return entry, int(index.removeprefix("index ")), [base64.b64decode(one, validate=True) for one in hashes], checkpoint


def is_included(entry, index, hashes, checkpoint, log):
    signed = verify_checkpoint(parse_note(checkpoint), parse_vkey(log))
    return signed.ok and verify_leaf_inclusion(entry, index, signed.size, hashes, signed.root)


def touched(entry, index, hashes, checkpoint):
    """The same receipt with one thing changed."""
    yield entry.replace(b'"status":0', b'"status":1'), index, hashes, checkpoint
    yield entry, index + 1, hashes, checkpoint
    for at, one in enumerate(hashes):
        other = bytes([one[0] ^ 1]) + one[1:]
        yield entry, index, [*hashes[:at], other, *hashes[at + 1 :]], checkpoint
    yield entry, index, hashes[1:], checkpoint
    origin, size, rest = checkpoint.split("\n", 2)
    yield entry, index, hashes, f"{origin}\n{int(size) + 1}\n{rest}"


def recorded(predicate, log):
    """The log has the end of this very run, with these files and so many statements."""
    receipt = parts(predicate["receipt"])
    assert is_included(*receipt, log), "the log's receipt proves nothing"
    for other in touched(*receipt):
        assert not is_included(*other, log), "a receipt that was touched proves the same"
    entry = json.loads(receipt[0])
    assert receipt[1] == predicate["index"], receipt[1]
    assert entry["kind"] == "run_ended", entry
    for field in ("run", "job", "inputs", "outputs"):
        assert entry.get(field, []) == predicate[field], field
    assert entry["statements"] == len(predicate["statements"]), entry
    if predicate.get("version", 1) > 1:
        assert entry["summary"] == summary(predicate), "the log has another summary of what the agent says"
    else:
        assert "summary" not in entry, "the attestation says less than the log has"
    for approval in predicate.get("receipts", []):
        assert is_included(*parts(approval), log), "the proof of an approval proves nothing"


@functools.cache
def file_hash(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def folder_hash(path):
    """As `find . -type f | cut -c3- | LC_ALL=C sort | xargs sha256sum | sha256sum`."""
    root = pathlib.Path(path)
    names = sorted(os.fsencode(file.relative_to(root)) for file in root.rglob("*") if file.is_file())
    lines = (f"{file_hash(root / os.fsdecode(name))}  ".encode() + name + b"\n" for name in names)
    return hashlib.sha256(b"".join(lines)).hexdigest()


HASHES = {"sha256": file_hash, "dirHash": folder_hash}


def summary(predicate):
    """SHA-256 over everything that is known when the log's entry is made."""
    known = {name: value for name, value in predicate.items() if name not in ("index", "receipt", "receipts")}
    text = json.dumps(known, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


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
    has_its_form(statements[0]["predicate"])
    recorded(statements[0]["predicate"], log)
    for statement in statements:
        message = json_format.ParseDict(statement, statement_pb2.Statement())
        Statement.copy_from_pb(message).validate()
        for subject in message.subject:
            for algorithm, digest in subject.digest.items():
                assert HASHES[algorithm](subject.name) == digest, f"{subject.name} is not what was attested"
                print(message.predicate_type, subject.name, algorithm, digest)


if __name__ == "__main__":
    main(*sys.argv[1:])
