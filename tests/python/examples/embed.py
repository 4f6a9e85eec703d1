"""The first half of a small retrieval: each chunk of text gets a vector, as with pgvector, in an array.

    connect run shop-db --job embed --out vectors.json -- python embed.py vectors.json

The vectors are written back, so that whatever is found by them later leads to this run, and through it to the
columns that the chunks were made from.
"""

import json
import sys

import psycopg
from sklearn.feature_extraction.text import HashingVectorizer

FEATURES = 1_024


def vectors(texts):
    # `SKU-7` and `8.75` are words: they tell one article from another.
    hashing = HashingVectorizer(n_features=FEATURES, alternate_sign=False, token_pattern=r"\w[\w.-]*")
    return hashing.transform(texts).toarray()


def main(path):
    with psycopg.connect() as database:
        chunks = database.execute("SELECT id, body FROM chunks ORDER BY id").fetchall()
        for (chunk, _), vector in zip(chunks, vectors([body for _, body in chunks])):
            database.execute(
                "UPDATE chunks SET embedding = %s::float8[] WHERE id = %s", (vector.tolist(), chunk)
            )
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"chunks": [chunk for chunk, _ in chunks], "features": FEATURES}, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
