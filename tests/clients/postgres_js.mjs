// postgres.js (prepares everything, pipelines) and Drizzle on it: prints what they see as JSON.
// usage: postgres_js.mjs HOST PORT USER DATABASE REFUSED_SQL
import { asc, count, eq, lt, sql as raw, sum } from "drizzle-orm";
import { drizzle } from "drizzle-orm/postgres-js";
import { bigint, integer, numeric, pgTable, text } from "drizzle-orm/pg-core";
import postgres from "postgres";

const [host, port, user, database, refused] = process.argv.slice(2);
const sql = postgres({ host, port: Number(port), user, database, ssl: false, max: 3, onnotice: () => {} });
const seen = {};
const state = (error) => {
  const code = error.code ?? error.cause?.code;
  return ["42501", "42P01"].includes(code) ? "refused" : code;
};

seen.rows = await sql`SELECT id, sku, price FROM products WHERE id < ${5} ORDER BY id`;
seen.types = await sql`SELECT ${7}::int AS i, ${"ä ' \\ $"}::text AS t, ${new Date(0)}::timestamptz AS z, ${true}::bool AS b, ${sql.json({ a: [1] })}::jsonb AS j, ${[1, 2]}::int[] AS a`;
seen.helper = await sql`SELECT ${sql(["id", "sku"])} FROM products WHERE id IN ${sql([1, 2, 3])} ORDER BY id`;
seen.pipelined = (await Promise.all([1, 2, 3, 4, 5, 6].map((n) => sql`SELECT ${n}::int AS n`))).map(([row]) => row.n);
seen.described = (await sql`SELECT id, sku FROM products WHERE id = ${1}`.describe()).columns.map((column) => [column.name, column.type]);
let total = 0;
for await (const rows of sql`SELECT id FROM orders ORDER BY id`.cursor(100)) for (const row of rows) total += Number(row.id);
seen.cursor = total;
seen.simple = await sql`SELECT 1 AS a; SELECT 2 AS b`.simple();
seen.begin = await sql.begin(async (inner) => {
  await inner`INSERT INTO scratch ${inner([{ id: 7500, note: "kept" }, { id: 7501, note: "kept" }])}`;
  seen.savepoint = await inner.savepoint(async (deeper) => {
    await deeper`INSERT INTO scratch VALUES (7502, 'undone')`;
    await deeper.unsafe(refused);
  }).catch(state);
  return inner`SELECT id, note FROM scratch WHERE id >= 7500 ORDER BY id`;
});
seen.refused = await sql.begin((inner) => inner.unsafe(refused)).catch(state);
seen.deleted = (await sql`DELETE FROM scratch WHERE id >= 7500`).count;
seen.value = await sql`SELECT 1 / ${0}::int`.catch((error) => [error.code, error.message]);
seen.syntax = await sql.unsafe("SELECT FROM WHERE").catch((error) => [error.code, error.position, error.message]);
const slow = sql`SELECT pg_sleep(600)`;
const gone = slow.then(() => "slept", (error) => error.code);
setTimeout(() => slow.cancel(), 300);
seen.cancelled = await gone;

const products = pgTable("products", { id: integer().primaryKey(), sku: text().notNull(), price: numeric() });
const orders = pgTable("orders", { id: bigint({ mode: "number" }), product: integer("product_id"), quantity: integer() });
const scratch = pgTable("scratch", { id: integer().primaryKey(), note: text() });
const db = drizzle(sql, { schema: { products, orders, scratch } });
seen.drizzle = await db
  .select({ sku: products.sku, sold: sum(orders.quantity), times: count() })
  .from(products)
  .leftJoin(orders, eq(orders.product, products.id))
  .where(lt(products.id, 4))
  .groupBy(products.sku)
  .orderBy(asc(products.sku));
seen.relational = await db.query.products.findMany({ where: lt(products.id, 3), orderBy: asc(products.id), extras: { double: raw`${products.price} * 2`.as("double") } });
seen.inserted = await db.insert(scratch).values([{ id: 7600, note: "a" }, { id: 7601 }]).returning();
seen.updated = await db.update(scratch).set({ note: "b" }).where(eq(scratch.id, 7600)).returning({ note: scratch.note });
seen.upserted = await db.insert(scratch).values({ id: 7600, note: "c" }).onConflictDoUpdate({ target: scratch.id, set: { note: "d" } }).returning();
seen.inTransaction = await db
  .transaction(async (inner) => {
    await inner.insert(scratch).values({ id: 7602 });
    await inner.execute(raw.raw(refused));
  })
  .catch(state);
await db.delete(scratch).where(raw`${scratch.id} >= 7600`);
seen.left = await db.select({ n: count() }).from(scratch);
await sql.end();
console.log(JSON.stringify(seen, null, 1));
