"""The second half: a question, the chunks nearest to it, and an answer that says which these were.

    connect run shop-db --job answer --actor assistant --out answer.json -- python answer.py answer.json "…"

The AI agent reads and nothing else. What its answer stands on is in the file, chunk by chunk: the table and the row
that each was made from. How the chunks came to be is in the log of the agent: `connect lineage answer.json --all`.
"""

import json
import sys

import numpy
import psycopg

from embed import vectors

NEAREST = 3


def main(path, question):
    with psycopg.connect() as database:
        rows = database.execute("SELECT id, source, source_id, body, embedding FROM chunks").fetchall()
    [asked] = vectors([question])
    nearness = [float(numpy.dot(asked, embedding)) for *_, embedding in rows]
    best = sorted(zip(nearness, rows), key=lambda pair: (-pair[0], pair[1][0]))[:NEAREST]
    # Each chunk says which row of which table it was made from.
    chunks = [
        {"id": chunk, "source": source, "row": row, "text": body} for _, (chunk, source, row, body, _) in best
    ]
    answer = {"question": question, "chunks": chunks}
    with open(path, "w", encoding="utf-8") as file:
        json.dump(answer, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
