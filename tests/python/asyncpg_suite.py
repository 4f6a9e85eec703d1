"""asyncpg (binary, prepared, its own introspection of types): prints what it sees as JSON.

usage: asyncpg_suite.py HOST PORT USER DATABASE REFUSED_SQL
"""
import asyncio
import json
import sys

import asyncpg

host, port, user, database, refused = sys.argv[1:6]


async def main():
    seen = {}
    connection = await asyncpg.connect(host=host, port=int(port), user=user, database=database, ssl=False)
    rows = await connection.fetch("SELECT id, sku, price FROM products WHERE id < $1 ORDER BY id", 5)
    seen["rows"] = [[str(value) for value in row] for row in rows]
    seen["types"] = repr(await connection.fetchrow(
        "SELECT $1::int, $2::text, $3::float8, $4::bool, $5::int[], $6::jsonb, NULL::date",
        7, "ä", 0.5, True, [1, 2], '{"a": 1}',
    ))
    statement = await connection.prepare("SELECT sku FROM products WHERE id = $1")
    seen["prepared"] = [await statement.fetchval(number) for number in (1, 2, 3)]
    seen["described"] = [(a.name, a.type.name) for a in statement.get_attributes()]
    async with connection.transaction():
        total = 0
        async for row in connection.cursor("SELECT id FROM orders ORDER BY id", prefetch=50):
            total += row["id"]
        seen["cursor"] = total
    await connection.executemany("INSERT INTO scratch VALUES ($1, $2)", [(n, "many") for n in range(700, 750)])
    seen["executemany"] = await connection.fetchval("SELECT count(*) FROM scratch WHERE note = 'many'")
    try:
        async with connection.transaction():
            await connection.execute("INSERT INTO scratch VALUES (760, 'undone')")
            await connection.execute(refused)
    except asyncpg.PostgresError as error:
        seen["refused"] = "refused" if error.sqlstate in ("42501", "42P01") else error.sqlstate
    seen["after"] = await connection.fetchval("SELECT count(*) FROM scratch WHERE id = 760")
    await connection.execute("DELETE FROM scratch WHERE id >= 600")
    await connection.close()
    print(json.dumps(seen, indent=1, sort_keys=True))


asyncio.run(main())
