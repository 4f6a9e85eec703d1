// node-postgres with its cursors and COPY streams: prints what it sees as JSON, so that two servers can be compared.
// usage: node_postgres.mjs HOST PORT USER DATABASE REFUSED_SQL
import { once } from "node:events";
import { pipeline } from "node:stream/promises";
import { Readable } from "node:stream";
import pg from "pg";
import copy from "pg-copy-streams";
import QueryStream from "pg-query-stream";

const [host, port, user, database, refused] = process.argv.slice(2);
const options = { host, port: Number(port), user, database, ssl: false };
const seen = {};
const state = (error) => (["42501", "42P01"].includes(error.code) ? "refused" : error.code);
const attempt = async (action) => action().then(() => "done", state);

const client = new pg.Client(options);
const notices = [];
client.on("notice", (notice) => notices.push([notice.severity, notice.code, notice.message]));
await client.connect();
seen.rows = (await client.query("SELECT id, sku, price FROM products WHERE id < $1 ORDER BY id", [5])).rows;
const types = await client.query(
  "SELECT $1::int, $2::text AS t, $3::timestamptz AS z, $4::bool AS b, $5::float8 AS f, $6::bytea AS y, $7::int[] AS a, NULL AS n",
  [7, "ä ' \\ $", "2026-02-03T04:05:06Z", true, 0.1, Buffer.from([0, 255]), [1, 2]],
);
seen.types = types.rows;
seen.fields = types.fields.map((field) => [field.name, field.dataTypeID, field.format]);
for (let number = 0; number < 6; number++) {
  const named = await client.query({ name: "sku", text: "SELECT sku FROM products WHERE id = $1", values: [1 + (number % 3)] });
  seen.named = named.rows[0];
}
seen.array = (await client.query({ text: "SELECT id, sku FROM products ORDER BY id LIMIT 2", rowMode: "array" })).rows;
seen.binary = (await client.query({ text: "SELECT 258::int4 AS n, 0.5::float8 AS f", binary: true, values: [] })).rows;
seen.several = (await client.query("SELECT 1 AS a; SELECT 2 AS b")).map((result) => result.rows);
await client.query("ROLLBACK");
seen.many = (await Promise.all([1, 2, 3].map((n) => client.query("SELECT $1::int AS n", [n])))).map((result) => result.rows[0].n);

const stream = client.query(new QueryStream("SELECT id FROM orders ORDER BY id", [], { batchSize: 64 }));
let sum = 0;
for await (const row of stream) sum += Number(row.id);
seen.stream = sum;

await client.query("BEGIN");
const into = client.query(copy.from("COPY scratch FROM STDIN"));
await pipeline(Readable.from(Array.from({ length: 300 }, (_, n) => `${7000 + n}\tcopied ${n}\n`)), into);
seen.copied = into.rowCount;
let bytes = 0;
for await (const chunk of client.query(copy.to("COPY (SELECT * FROM scratch WHERE id >= 7000 ORDER BY id) TO STDOUT"))) bytes += chunk.length;
seen.copiedOut = bytes;
seen.badCopy = await attempt(() => pipeline(Readable.from(["x\ty\n"]), client.query(copy.from("COPY scratch FROM STDIN"))));
await client.query("ROLLBACK");

await client.query("BEGIN");
seen.refused = await attempt(() => client.query(refused));
seen.aborted = await attempt(() => client.query("SELECT 1"));
await client.query("ROLLBACK");
seen.syntax = await client.query("SELECT FROM WHERE").catch((error) => [error.code, error.position, error.message]);
seen.value = await client.query("SELECT 1 / $1::int", [0]).catch((error) => [error.code, error.message]);

await client.query("LISTEN news");
const heard = once(client, "notification");
await client.query("NOTIFY news, 'hello'");
const [{ channel, payload, processId }] = await heard;
seen.heard = [channel, payload, processId === client.processID];
seen.notices = notices;
await client.end();

const pool = new pg.Pool({ ...options, max: 5 });
const sums = await Promise.all(Array.from({ length: 20 }, (_, n) => pool.query("SELECT $1::int + 1 AS n", [n])));
seen.pool = sums.reduce((total, result) => total + result.rows[0].n, 0);
await pool.end();
console.log(JSON.stringify(seen, null, 1));
