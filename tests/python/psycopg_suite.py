"""psycopg 3 against a PostgreSQL: prints what it sees as JSON, so that two servers can be compared. With
`min_protocol_version=3.2` in CONNINFO libpq speaks that, whose keys to cancel are longer.

usage: psycopg_suite.py CONNINFO REFUSED_SQL
"""
import json
import sys
import threading
import time

import psycopg

conninfo, refused = sys.argv[1:3]
seen = {}


def sqlstate(action):
    try:
        action()
        return "done"
    except psycopg.Error as error:
        return "refused" if error.sqlstate in ("42501", "42P01") else error.sqlstate


with psycopg.connect(conninfo, autocommit=True) as connection:
    for binary in (False, True):
        with connection.cursor(binary=binary) as cursor:
            cursor.execute("SELECT id, sku, price FROM products WHERE id < %s ORDER BY id", (5,))
            seen[f"rows binary={binary}"] = [[str(value) for value in row] for row in cursor.fetchall()]
            cursor.execute(
                "SELECT %s::int, %s::text, %s::timestamptz, %s::bool, %s::float8, %s::bytea, %s::int[], NULL::int",
                (7, "ä ' \\ $", "2026-02-03 04:05:06+00", True, 0.1, b"\x00\xff", [1, 2]),
            )
            seen[f"types binary={binary}"] = repr(cursor.fetchone())
            cursor.execute("SELECT o.id, p.sku FROM orders o JOIN products p ON p.id = o.product_id ORDER BY o.id LIMIT 3")
            seen[f"columns binary={binary}"] = [(c.name, c.type_code) for c in cursor.description]

    # The same statement often: psycopg prepares it after five times.
    for number in range(20):
        row = connection.execute("SELECT sku FROM products WHERE id = %s", (1 + number % 3,)).fetchone()
    seen["prepared"] = row

with psycopg.connect(conninfo) as connection:
    with connection.cursor(name="server_side") as cursor:
        cursor.itersize = 100
        cursor.execute("SELECT id FROM orders ORDER BY id")
        seen["server-side cursor"] = [sum(row[0] for row in cursor), cursor.itersize]
    connection.rollback()

    connection.execute("INSERT INTO scratch VALUES (700, 'kept')")
    connection.commit()
    connection.execute("INSERT INTO scratch VALUES (701, 'not kept')")
    connection.rollback()
    with connection.transaction():
        connection.execute("INSERT INTO scratch VALUES (702, 'kept')")
        try:
            with connection.transaction():
                connection.execute("INSERT INTO scratch VALUES (703, 'undone')")
                connection.execute(refused)
        except psycopg.Error:
            pass
        connection.execute("UPDATE scratch SET note = 'changed' WHERE id = 702")
    seen["transactions"] = connection.execute("SELECT id, note FROM scratch WHERE id > 600 ORDER BY id").fetchall()
    connection.rollback()

    seen["refused in a transaction"] = [
        sqlstate(lambda: connection.execute(refused)),
        connection.info.transaction_status.name,
        sqlstate(lambda: connection.execute("SELECT 1")),
    ]
    connection.rollback()
    seen["after rollback"] = [connection.execute("SELECT 1").fetchone(), connection.info.transaction_status.name]
    connection.rollback()

    with connection.cursor() as cursor, cursor.copy("COPY scratch FROM STDIN") as copy:
        for number in range(800, 900):
            copy.write_row((number, f"copied {number}"))
    connection.commit()
    with connection.cursor() as cursor, cursor.copy("COPY (SELECT id FROM scratch WHERE id >= 800) TO STDOUT") as copy:
        seen["copy"] = sum(int(bytes(line)) for line in copy)
    connection.rollback()

# A pipeline up to Sync: what comes after a refused statement is skipped, and the whole of it undone.
with psycopg.connect(conninfo, autocommit=True) as connection:

    def pipeline():
        with connection.pipeline():
            connection.execute("INSERT INTO scratch VALUES (900, 'a')")
            connection.execute(refused)
            connection.execute("INSERT INTO scratch VALUES (901, 'b')")

    seen["pipeline"] = sqlstate(pipeline)
    seen["after the pipeline"] = connection.execute("SELECT count(*) FROM scratch WHERE id >= 900").fetchone()
    seen["status"] = connection.info.transaction_status.name
    connection.execute("DELETE FROM scratch WHERE id >= 600")

# What runs is cancelled from another thread, by the old request and by the one that keeps to its connection's TLS.
with psycopg.connect(conninfo, autocommit=True) as connection:
    for name in ("cancel", "cancel_safe"):
        done = threading.Event()

        def cancel():
            # Until it is met: a request that comes before its statement cancels nothing.
            while not done.wait(0.2):
                getattr(connection, name)()

        begun = time.monotonic()
        thread = threading.Thread(target=cancel)
        thread.start()
        seen[name] = sqlstate(lambda: connection.execute("SELECT pg_sleep(60)"))
        done.set()
        thread.join()
        seen[f"{name} in time"] = time.monotonic() - begun < 30
        # One that was late may meet this.
        sqlstate(lambda: connection.execute("SELECT pg_sleep(0.1)"))
    seen["after a cancel"] = connection.execute("SELECT 1").fetchone()

print(json.dumps(seen, indent=1, sort_keys=True))
