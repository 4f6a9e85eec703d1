"""Trains a model on rows of the shop: does a customer of this segment order more than two pieces at once?

Run it as one run, so that the model can be traced:

    connect run shop-db --job order-size --input train.py --out model.joblib -- python train.py model.joblib

`connect run` sets PG*, so psycopg needs no address and no password.
"""

import sys

import joblib
import pandas
import psycopg
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder

ROWS = """
    SELECT c.segment, c.email, o.status, p.price, o.quantity
    FROM customer_mail c
    JOIN orders o ON o.customer_id = c.id
    JOIN products p ON p.id = o.product_id
    WHERE o.placed_at < '2026-03-01'
"""


def main(path):
    with psycopg.connect() as database, database.cursor() as cursor:
        cursor.execute(ROWS)
        columns = [column.name for column in cursor.description]
        rows = pandas.DataFrame(cursor.fetchall(), columns=columns)
    # E-mail addresses are masks by now: equal where the stored ones are, and worth nothing to anybody else.
    rows["domain"] = rows["email"].str.split("@").str[1]
    assert set(rows["domain"]) == {"masked.invalid"}, "these must be masks"
    rows["price"] = rows["price"].astype(float)
    categories = ColumnTransformer(
        [("categories", OneHotEncoder(), ["segment", "status"])], remainder="passthrough"
    )
    model = Pipeline([("features", categories), ("classifier", LogisticRegression(max_iter=1_000))])
    model.fit(rows[["segment", "status", "price"]], rows["quantity"] > 2)
    joblib.dump(model, path)
    print(f"{len(rows)} rows")


if __name__ == "__main__":
    main(*sys.argv[1:])
