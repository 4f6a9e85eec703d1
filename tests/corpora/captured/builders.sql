-- What Peewee and PyPika write over schema.sql. One statement a paragraph.

SELECT "t1"."id", "t1"."email", "t1"."full_name", "t1"."phone", "t1"."birth_date", "t1"."is_active", "t1"."created_at" FROM "customer" AS "t1";

SELECT "t1"."email" FROM "customer" AS "t1" WHERE ("t1"."is_active" = $1);

SELECT "t1"."id", "t1"."email", "t1"."full_name", "t1"."phone", "t1"."birth_date", "t1"."is_active", "t1"."created_at" FROM "customer" AS "t1" WHERE (("t1"."email" ILIKE $1) OR ("t1"."phone" IS NULL));

SELECT COUNT("t1"."id") FROM "customer" AS "t1";

SELECT "t1"."id", "t1"."customer_id", "t1"."status", "t1"."placed_at", "t1"."total", "t1"."note", "t2"."id", "t2"."email", "t2"."full_name", "t2"."phone", "t2"."birth_date", "t2"."is_active", "t2"."created_at" FROM "orders" AS "t1" INNER JOIN "customer" AS "t2" ON ("t1"."customer_id" = "t2"."id");

SELECT "t1"."id", "t2"."full_name" FROM "orders" AS "t1" LEFT OUTER JOIN "customer" AS "t2" ON ("t1"."customer_id" = "t2"."id") ORDER BY "t1"."placed_at" DESC LIMIT $1;

SELECT "t1"."id", "t1"."email", "t1"."full_name", "t1"."phone", "t1"."birth_date", "t1"."is_active", "t1"."created_at", COUNT("t2"."id") AS "n" FROM "customer" AS "t1" LEFT OUTER JOIN "orders" AS "t2" ON ("t2"."customer_id" = "t1"."id") GROUP BY "t1"."id" HAVING (COUNT("t2"."id") > $1);

SELECT "t1"."id", "t1"."email", "t1"."full_name", "t1"."phone", "t1"."birth_date", "t1"."is_active", "t1"."created_at" FROM "customer" AS "t1" WHERE EXISTS(SELECT "t2"."id" FROM "orders" AS "t2" WHERE ("t2"."customer_id" = "t1"."id"));

SELECT "t1"."id", "t1"."email", "t1"."full_name", "t1"."phone", "t1"."birth_date", "t1"."is_active", "t1"."created_at" FROM "customer" AS "t1" WHERE ("t1"."id" IN (SELECT "t2"."customer_id" FROM "orders" AS "t2" WHERE ("t2"."status" = $1)));

SELECT "t1"."id", "t1"."email", "t1"."full_name", "t1"."phone", "t1"."birth_date", "t1"."is_active", "t1"."created_at" FROM "customer" AS "t1" WHERE ("t1"."id" NOT IN (SELECT "t2"."customer_id" FROM "orders" AS "t2"));

SELECT "t1"."name", "boss"."name" FROM "employee" AS "t1" INNER JOIN "employee" AS "boss" ON ("t1"."manager_id" = "boss"."id");

SELECT "t1"."status", SUM("t1"."total") FROM "orders" AS "t1" GROUP BY "t1"."status";

SELECT date_trunc($1, "t1"."placed_at") AS "d", COUNT(*) FROM "orders" AS "t1" GROUP BY d ORDER BY d;

SELECT "t1"."name", CASE WHEN ("t1"."price" > $1) THEN $2 ELSE $3 END FROM "product" AS "t1";

SELECT CASE "t1"."category_id" WHEN $1 THEN $2 WHEN $3 THEN $4 ELSE $5 END FROM "product" AS "t1";

SELECT "t1"."name", RANK() OVER (PARTITION BY "t1"."department_id" ORDER BY "t1"."salary" DESC) FROM "employee" AS "t1";

SELECT SUM("t1"."salary") OVER (ORDER BY "t1"."id" ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) FROM "employee" AS "t1";

SELECT AVG("t1"."salary") OVER "w" FROM "employee" AS "t1" WINDOW "w" AS (PARTITION BY "t1"."department_id");

(SELECT "t1"."email" FROM "customer" AS "t1") UNION (SELECT "t2"."label" FROM "tag" AS "t2");

(SELECT "t1"."id" FROM "customer" AS "t1") INTERSECT (SELECT "t2"."customer_id" FROM "orders" AS "t2");

(SELECT "t1"."id" FROM "product" AS "t1") EXCEPT (SELECT "t2"."product_id" FROM "order_line" AS "t2");

(SELECT "t1"."email" FROM "customer" AS "t1") UNION ALL (SELECT "t2"."label" FROM "tag" AS "t2");

SELECT "t1"."name", COALESCE("t1"."description", $1), LOWER("t1"."sku"), ("t1"."price" * $2), ("t1"."price" - "t1"."cost") FROM "product" AS "t1";

SELECT "t1"."id", "t1"."sku", "t1"."name", "t1"."description", "t1"."price", "t1"."cost", "t1"."category_id", "t1"."created_at" FROM "product" AS "t1" WHERE ("t1"."price" BETWEEN $1 AND $2);

SELECT "t1"."id", "t1"."sku", "t1"."name", "t1"."description", "t1"."price", "t1"."cost", "t1"."category_id", "t1"."created_at" FROM "product" AS "t1" WHERE (("t1"."name" ILIKE $1) AND ("t1"."name" ~ $2));

SELECT DISTINCT "t1"."id", "t1"."sku", "t1"."name", "t1"."description", "t1"."price", "t1"."cost", "t1"."category_id", "t1"."created_at" FROM "product" AS "t1";

SELECT DISTINCT ON (("t1"."customer_id")) "t1"."customer_id" FROM "orders" AS "t1";

SELECT "t1"."id", "t1"."sku", "t1"."name", "t1"."description", "t1"."price", "t1"."cost", "t1"."category_id", "t1"."created_at" FROM "product" AS "t1" WHERE ("t1"."price" > (SELECT AVG("t2"."price") FROM "product" AS "t2" WHERE ("t2"."category_id" = "t1"."category_id")));

SELECT "t1"."full_name", (SELECT MAX("t2"."placed_at") FROM "orders" AS "t2" WHERE ("t2"."customer_id" = "t1"."id")) AS "last" FROM "customer" AS "t1";

SELECT SUM("t1"."quantity" * "t1"."unit_price") FROM "order_line" AS "t1";

SELECT "t1"."id", "t1"."customer_id", "t1"."status", "t1"."placed_at", "t1"."total", "t1"."note" FROM "orders" AS "t1" FOR UPDATE;

SELECT "t1"."product_id", AVG("t1"."rating") FROM "review" AS "t1" GROUP BY "t1"."product_id" ORDER BY AVG("t1"."rating") DESC NULLS last;

SELECT ("t1"."name" || $1) FROM "product" AS "t1";

SELECT CAST("t1"."id" AS text) FROM "customer" AS "t1";

INSERT INTO "customer" ("email", "full_name", "is_active", "created_at") VALUES ($1, $2, $3, $4) RETURNING "customer"."id";

INSERT INTO "customer" ("email", "full_name", "is_active", "created_at") VALUES ($1, $2, $3, $4), ($5, $6, $7, $8) RETURNING "customer"."id";

INSERT INTO "tag" ("label") SELECT "t1"."email" FROM "customer" AS "t1" RETURNING "tag"."id";

INSERT INTO "tag" ("label") VALUES ($1) ON CONFLICT ("label") DO UPDATE SET "label" = EXCLUDED."label" RETURNING "tag"."id";

INSERT INTO "tag" ("label") VALUES ($1) ON CONFLICT DO NOTHING RETURNING "tag"."id";

INSERT INTO "tag" ("id", "label") VALUES ($1, $2) ON CONFLICT ("id") DO UPDATE SET "label" = CONCAT("tag"."label", EXCLUDED."label") RETURNING "tag"."id";

UPDATE "product" SET "price" = ("product"."price" * $1) WHERE ("product"."id" = $2);

UPDATE "product" SET "name" = $1 WHERE ("product"."category_id" IN (SELECT "t1"."id" FROM "category" AS "t1" WHERE ("t1"."name" = $2)));

UPDATE "orders" SET "status" = $1 FROM "customer" AS "t1" WHERE (("orders"."customer_id" = "t1"."id") AND ("t1"."is_active" = $2));

UPDATE "employee" SET "salary" = ("employee"."salary" + $1) RETURNING "employee"."id", "employee"."salary";

DELETE FROM "review" WHERE ("review"."rating" < $1);

DELETE FROM "review" WHERE ("review"."customer_id" IN (SELECT "t1"."id" FROM "customer" AS "t1" WHERE ("t1"."is_active" = $1))) RETURNING "review"."id";

WITH "totals" ("cid", "t") AS (SELECT "t1"."customer_id", SUM("t1"."total") AS "t" FROM "orders" AS "t1" GROUP BY "t1"."customer_id") SELECT "t2"."full_name", "totals"."t" FROM "customer" AS "t2" INNER JOIN "totals" ON ("totals"."cid" = "t2"."id");

SELECT "t1"."full_name", "s"."n" FROM "customer" AS "t1" INNER JOIN (SELECT "t2"."customer_id", COUNT("t2"."id") AS "n" FROM "orders" AS "t2" GROUP BY "t2"."customer_id") AS "s" ON ("s"."customer_id" = "t1"."id");

SELECT "t1"."id" FROM "customer" AS "t1", (SELECT "t2"."id" FROM "orders" AS "t2" WHERE ("t2"."total" > $1)) AS "z";

SELECT * FROM "customer";

SELECT "id","email" "mail" FROM "customer" WHERE "is_active"=true;

SELECT "orders".*,"customer"."full_name" FROM "orders" JOIN "customer" ON "orders"."customer_id"="customer"."id";

SELECT COUNT(*) FROM "orders" LEFT JOIN "customer" ON "orders"."customer_id"="customer"."id";

SELECT "orders"."id" FROM "orders" JOIN "customer" ON "orders"."id"="customer"."id";

SELECT "status",SUM("total") "s" FROM "orders" GROUP BY "status" HAVING SUM("total")>5;

SELECT CASE WHEN "total">5 THEN 'a' ELSE 'b' END FROM "orders";

SELECT "email" FROM "customer" WHERE "id" IN (SELECT "customer_id" FROM "orders");

SELECT RANK() OVER(PARTITION BY "department_id" ORDER BY "salary" DESC) FROM "employee";

SELECT SUM("salary") OVER(PARTITION BY "department_id" ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) FROM "employee";

SELECT COALESCE("description",'x'),UPPER("name"),CAST("price" AS INTEGER),"price"*2+"cost" FROM "product";

SELECT DISTINCT "name" FROM "product";

SELECT DISTINCT ON("customer_id") "id" FROM "orders";

(SELECT "id" FROM "customer") UNION (SELECT "customer_id" FROM "orders");

(SELECT "id" FROM "customer") UNION ALL (SELECT "customer_id" FROM "orders");

SELECT "s"."t" FROM (SELECT "customer_id",SUM("total") "t" FROM "orders" GROUP BY "customer_id") "s";

WITH w AS (SELECT "customer_id","total" FROM "orders") SELECT "total" FROM "w";

INSERT INTO "tag" ("label") VALUES ('a');

INSERT INTO "tag" ("label") VALUES ('a') ON CONFLICT ("label") DO UPDATE SET "label"=EXCLUDED."label" RETURNING "id";

INSERT INTO "tag" ("label") VALUES ('a') ON CONFLICT ("label") DO NOTHING;

INSERT INTO "tag" ("label") SELECT "email" FROM "customer";

UPDATE "product" SET "price"="price"*2 WHERE "id"=1 RETURNING "product"."price";

UPDATE "orders" SET "note"="customer"."full_name" FROM "customer" WHERE "orders"."customer_id"="customer"."id";

DELETE FROM "product" WHERE "price"<1;

SELECT "id" FROM "customer" ORDER BY "created_at" DESC LIMIT 3 OFFSET 2;

SELECT "settings"->>'a' FROM "customer";

SELECT "employee"."name","b"."name" "boss" FROM "employee" JOIN "employee" "b" ON "employee"."manager_id"="b"."id";

SELECT "id" FROM "customer" WHERE "email" LIKE '%x' AND ("phone" IS NULL OR NOT "birth_date" IS NULL);

SELECT "id" FROM "product" WHERE "price" BETWEEN 1 AND 5;

SELECT "orders"."id","customer"."id" FROM "orders" CROSS JOIN "customer";
