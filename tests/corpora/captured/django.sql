-- What Django 5.2 sends over schema.sql: querysets, aggregates, subqueries, windows, writes. One statement a paragraph;
-- literals as it writes them.

SELECT oid, typarray FROM pg_type WHERE typname = 'hstore';

SELECT oid, typarray FROM pg_type WHERE typname = 'citext';

SELECT "customer"."id", "customer"."email", "customer"."full_name", "customer"."phone", "customer"."birth_date", "customer"."is_active", "customer"."created_at", "customer"."settings", "customer"."referrer_id" FROM "customer";

SELECT 1 AS "a" FROM "customer" WHERE "customer"."id" = 1 LIMIT 1;

SELECT "customer"."id", "customer"."email", "customer"."full_name", "customer"."phone", "customer"."birth_date", "customer"."is_active", "customer"."created_at", "customer"."settings", "customer"."referrer_id" FROM "customer" WHERE "customer"."email" = 'x' ORDER BY "customer"."id" ASC LIMIT 1;

SELECT COUNT(*) AS "__count" FROM "customer";

SELECT COUNT(*) AS "__count" FROM "customer" WHERE "customer"."is_active";

SELECT "customer"."id", "customer"."email", "customer"."full_name", "customer"."phone", "customer"."birth_date", "customer"."is_active", "customer"."created_at", "customer"."settings", "customer"."referrer_id" FROM "customer" WHERE (UPPER("customer"."full_name"::text) LIKE UPPER('%a%') AND "customer"."phone" IS NOT NULL);

SELECT "customer"."id", "customer"."email", "customer"."full_name", "customer"."phone", "customer"."birth_date", "customer"."is_active", "customer"."created_at", "customer"."settings", "customer"."referrer_id" FROM "customer" WHERE (("customer"."email"::text LIKE '%x' OR "customer"."phone"::text LIKE '4%') AND NOT (NOT "customer"."is_active"));

SELECT "customer"."id", "customer"."email", "customer"."full_name", "customer"."phone", "customer"."birth_date", "customer"."is_active", "customer"."created_at", "customer"."settings", "customer"."referrer_id" FROM "customer" WHERE NOT (UPPER("customer"."email"::text) = UPPER('a'));

SELECT "customer"."id", "customer"."email", "customer"."full_name", "customer"."phone", "customer"."birth_date", "customer"."is_active", "customer"."created_at", "customer"."settings", "customer"."referrer_id" FROM "customer" ORDER BY "customer"."created_at" DESC, "customer"."id" ASC LIMIT 10 OFFSET 10;

SELECT 1 AS "a" FROM "customer" LIMIT 1;

SELECT "customer"."id" AS "id", "customer"."email" AS "email" FROM "customer";

SELECT DISTINCT "customer"."email" AS "email" FROM "customer";

SELECT "customer"."id", "customer"."email" FROM "customer";

SELECT "customer"."id", "customer"."email", "customer"."full_name", "customer"."phone", "customer"."birth_date", "customer"."is_active", "customer"."created_at", "customer"."referrer_id" FROM "customer";

SELECT "customer"."id", "customer"."email", "customer"."full_name", "customer"."phone", "customer"."birth_date", "customer"."is_active", "customer"."created_at", "customer"."settings", "customer"."referrer_id" FROM "customer" WHERE "customer"."id" IN (1, 2, 3);

SELECT "customer"."id", "customer"."email", "customer"."full_name", "customer"."phone", "customer"."birth_date", "customer"."is_active", "customer"."created_at", "customer"."settings", "customer"."referrer_id" FROM "customer" WHERE (EXTRACT(MONTH FROM "customer"."created_at" AT TIME ZONE 'America/Chicago') = 3 AND "customer"."created_at" BETWEEN '2025-01-01 00:00:00-06:00'::timestamptz AND '2025-12-31 23:59:59.999999-06:00'::timestamptz);

SELECT "customer"."id", "customer"."email", "customer"."full_name", "customer"."phone", "customer"."birth_date", "customer"."is_active", "customer"."created_at", "customer"."settings", "customer"."referrer_id" FROM "customer" WHERE ("customer"."created_at" AT TIME ZONE 'America/Chicago')::date >= '2025-01-01'::date;

SELECT "customer"."id", "customer"."email", "customer"."full_name", "customer"."phone", "customer"."birth_date", "customer"."is_active", "customer"."created_at", "customer"."settings", "customer"."referrer_id" FROM "customer" WHERE "customer"."birth_date" BETWEEN '1990-01-01'::date AND '2000-01-01'::date;

SELECT "customer"."id", "customer"."email", "customer"."full_name", "customer"."phone", "customer"."birth_date", "customer"."is_active", "customer"."created_at", "customer"."settings", "customer"."referrer_id" FROM "customer" WHERE "customer"."email"::text ~ '^a';

SELECT "customer"."id", "customer"."email", "customer"."full_name", "customer"."phone", "customer"."birth_date", "customer"."is_active", "customer"."created_at", "customer"."settings", "customer"."referrer_id" FROM "customer" WHERE ("customer"."settings" -> 'theme') = '"dark"'::jsonb;

SELECT "customer"."id", "customer"."email", "customer"."full_name", "customer"."phone", "customer"."birth_date", "customer"."is_active", "customer"."created_at", "customer"."settings", "customer"."referrer_id" FROM "customer" WHERE "customer"."settings" ? 'a';

SELECT "customer"."id", "customer"."email", "customer"."full_name", "customer"."phone", "customer"."birth_date", "customer"."is_active", "customer"."created_at", "customer"."settings", "customer"."referrer_id" FROM "customer" WHERE "customer"."settings" @> '{"a": 1}'::jsonb;

SELECT "customer"."id", "customer"."email", "customer"."full_name", "customer"."phone", "customer"."birth_date", "customer"."is_active", "customer"."created_at", "customer"."settings", "customer"."referrer_id" FROM "customer" WHERE ("customer"."settings" #> '{a,b}') > '3'::jsonb;

SELECT ("customer"."settings" -> 'theme') AS "settings__theme" FROM "customer";

SELECT "customer"."id", "customer"."email", "customer"."full_name", "customer"."phone", "customer"."birth_date", "customer"."is_active", "customer"."created_at", "customer"."settings", "customer"."referrer_id" FROM "customer" ORDER BY "customer"."phone" DESC NULLS LAST;

SELECT "customer"."id", "customer"."email", "customer"."full_name", "customer"."phone", "customer"."birth_date", "customer"."is_active", "customer"."created_at", "customer"."settings", "customer"."referrer_id" FROM "customer" ORDER BY RANDOM() ASC LIMIT 3;

SELECT "orders"."id", "orders"."customer_id", "orders"."address_id", "orders"."status", "orders"."placed_at", "orders"."shipped_at", "orders"."total", "orders"."note", "orders"."coupon_code", "customer"."id", "customer"."email", "customer"."full_name", "customer"."phone", "customer"."birth_date", "customer"."is_active", "customer"."created_at", "customer"."settings", "customer"."referrer_id" FROM "orders" INNER JOIN "customer" ON ("orders"."customer_id" = "customer"."id");

SELECT "orders"."id", "orders"."customer_id", "orders"."address_id", "orders"."status", "orders"."placed_at", "orders"."shipped_at", "orders"."total", "orders"."note", "orders"."coupon_code", "customer"."id", "customer"."email", "customer"."full_name", "customer"."phone", "customer"."birth_date", "customer"."is_active", "customer"."created_at", "customer"."settings", "customer"."referrer_id", "address"."id", "address"."customer_id", "address"."street", "address"."city", "address"."postcode", "address"."country", "address"."is_default" FROM "orders" INNER JOIN "customer" ON ("orders"."customer_id" = "customer"."id") LEFT OUTER JOIN "address" ON ("orders"."address_id" = "address"."id") WHERE "orders"."status" = 'open';

SELECT "orders"."id", "orders"."customer_id", "orders"."address_id", "orders"."status", "orders"."placed_at", "orders"."shipped_at", "orders"."total", "orders"."note", "orders"."coupon_code" FROM "orders" INNER JOIN "customer" ON ("orders"."customer_id" = "customer"."id") WHERE "customer"."email" = 'x';

SELECT DISTINCT "orders"."id", "orders"."customer_id", "orders"."address_id", "orders"."status", "orders"."placed_at", "orders"."shipped_at", "orders"."total", "orders"."note", "orders"."coupon_code" FROM "orders" INNER JOIN "order_line" ON ("orders"."id" = "order_line"."order_id") INNER JOIN "product" ON ("order_line"."product_id" = "product"."id") WHERE "product"."sku" = 's';

SELECT "customer"."id", "customer"."email", "customer"."full_name", "customer"."phone", "customer"."birth_date", "customer"."is_active", "customer"."created_at", "customer"."settings", "customer"."referrer_id" FROM "customer" INNER JOIN "orders" ON ("customer"."id" = "orders"."customer_id") WHERE ("orders"."status" = 'open' AND "orders"."total" > 5);

SELECT "customer"."id", "customer"."email", "customer"."full_name", "customer"."phone", "customer"."birth_date", "customer"."is_active", "customer"."created_at", "customer"."settings", "customer"."referrer_id" FROM "customer" INNER JOIN "orders" ON ("customer"."id" = "orders"."customer_id") INNER JOIN "orders" T3 ON ("customer"."id" = T3."customer_id") WHERE ("orders"."status" = 'open' AND T3."total" > 5);

SELECT "customer"."id", "customer"."email", "customer"."full_name", "customer"."phone", "customer"."birth_date", "customer"."is_active", "customer"."created_at", "customer"."settings", "customer"."referrer_id" FROM "customer" WHERE NOT (EXISTS(SELECT 1 AS "a" FROM "orders" U1 WHERE (U1."status" = 'open' AND U1."customer_id" = ("customer"."id")) LIMIT 1));

SELECT "customer"."id", "customer"."email", "customer"."full_name", "customer"."phone", "customer"."birth_date", "customer"."is_active", "customer"."created_at", "customer"."settings", "customer"."referrer_id" FROM "customer" LEFT OUTER JOIN "orders" ON ("customer"."id" = "orders"."customer_id") WHERE "orders"."id" IS NULL;

SELECT "orders"."id", "orders"."customer_id", "orders"."address_id", "orders"."status", "orders"."placed_at", "orders"."shipped_at", "orders"."total", "orders"."note", "orders"."coupon_code" FROM "orders" INNER JOIN "customer" ON ("orders"."customer_id" = "customer"."id") INNER JOIN "customer" T3 ON ("customer"."referrer_id" = T3."id") WHERE T3."email" = 'x';

SELECT "customer"."full_name" AS "customer__full_name", "address"."city" AS "address__city" FROM "orders" INNER JOIN "customer" ON ("orders"."customer_id" = "customer"."id") LEFT OUTER JOIN "address" ON ("orders"."address_id" = "address"."id");

SELECT "category"."id", "category"."parent_id", "category"."name", "category"."slug", "category"."position" FROM "category" INNER JOIN "category" T2 ON ("category"."parent_id" = T2."id") INNER JOIN "category" T3 ON (T2."parent_id" = T3."id") WHERE T3."name" = 'x';

SELECT SUM("orders"."total") AS "total__sum", AVG("orders"."total") AS "total__avg", MAX("orders"."placed_at") AS "placed_at__max", MIN("orders"."id") AS "id__min" FROM "orders";

SELECT COUNT(DISTINCT "orders"."customer_id") AS "n" FROM "orders";

SELECT "orders"."status" AS "status", COUNT("orders"."id") AS "n" FROM "orders" GROUP BY 1;

SELECT "customer"."id", "customer"."email", "customer"."full_name", "customer"."phone", "customer"."birth_date", "customer"."is_active", "customer"."created_at", "customer"."settings", "customer"."referrer_id", COUNT("orders"."id") AS "n" FROM "customer" LEFT OUTER JOIN "orders" ON ("customer"."id" = "orders"."customer_id") GROUP BY "customer"."id", "customer"."email", "customer"."full_name", "customer"."phone", "customer"."birth_date", "customer"."is_active", "customer"."created_at", "customer"."settings", "customer"."referrer_id" HAVING COUNT("orders"."id") > 3 ORDER BY 10 DESC;

SELECT "customer"."full_name" AS "full_name", SUM("orders"."total") AS "spent" FROM "customer" LEFT OUTER JOIN "orders" ON ("customer"."id" = "orders"."customer_id") GROUP BY "customer"."id", "customer"."email", 1, "customer"."phone", "customer"."birth_date", "customer"."is_active", "customer"."created_at", "customer"."settings", "customer"."referrer_id";

SELECT "customer"."id", "customer"."email", "customer"."full_name", "customer"."phone", "customer"."birth_date", "customer"."is_active", "customer"."created_at", "customer"."settings", "customer"."referrer_id", COUNT("orders"."id") FILTER (WHERE "orders"."status" = 'paid') AS "n" FROM "customer" LEFT OUTER JOIN "orders" ON ("customer"."id" = "orders"."customer_id") GROUP BY "customer"."id", "customer"."email", "customer"."full_name", "customer"."phone", "customer"."birth_date", "customer"."is_active", "customer"."created_at", "customer"."settings", "customer"."referrer_id";

SELECT DATE_TRUNC('month', "orders"."placed_at" AT TIME ZONE 'America/Chicago') AS "m", SUM("orders"."total") AS "t" FROM "orders" GROUP BY 1 ORDER BY 1 ASC;

SELECT EXTRACT(YEAR FROM "orders"."placed_at" AT TIME ZONE 'America/Chicago') AS "y", COUNT(*) AS "c" FROM "orders" GROUP BY 1;

SELECT "product"."id", "product"."sku", "product"."name", "product"."description", "product"."price", "product"."cost", "product"."category_id", "product"."labels", "product"."attributes", "product"."created_at", "product"."discontinued_on", AVG("review"."rating") AS "stars" FROM "product" LEFT OUTER JOIN "review" ON ("product"."id" = "review"."product_id") GROUP BY "product"."id", "product"."sku", "product"."name", "product"."description", "product"."price", "product"."cost", "product"."category_id", "product"."labels", "product"."attributes", "product"."created_at", "product"."discontinued_on" HAVING AVG("review"."rating") >= 4.0;

SELECT (("order_line"."quantity" * "order_line"."unit_price") * (1 - "order_line"."discount")) AS "amount" FROM "order_line";

SELECT SUM(("order_line"."quantity" * "order_line"."unit_price")) AS "t" FROM "order_line";

SELECT CASE WHEN "orders"."total" > 100 THEN 'big' WHEN "orders"."total" > 10 THEN 'mid' ELSE 'small' END AS "size", COUNT("orders"."id") AS "n" FROM "orders" GROUP BY 1;

SELECT (COALESCE("customer"."full_name", '') || COALESCE((COALESCE(' <', '') || COALESCE((COALESCE("customer"."email", '') || COALESCE('>', '')), '')), '')) AS "label" FROM "customer";

SELECT COALESCE("customer"."phone", 'none') AS "p", LENGTH("customer"."full_name") AS "l", UPPER("customer"."full_name") AS "u", SUBSTRING("customer"."email", 1, 3) AS "s" FROM "customer";

SELECT "customer"."id", "customer"."email", "customer"."full_name", "customer"."phone", "customer"."birth_date", "customer"."is_active", "customer"."created_at", "customer"."settings", "customer"."referrer_id", GREATEST("customer"."created_at", STATEMENT_TIMESTAMP()) AS "g" FROM "customer";

SELECT "product"."id", "product"."sku", "product"."name", "product"."description", "product"."price", "product"."cost", "product"."category_id", "product"."labels", "product"."attributes", "product"."created_at", "product"."discontinued_on", ("product"."price")::integer AS "c" FROM "product" WHERE ("product"."price")::integer = 3;

SELECT ROUND("product"."price", 0) AS "x", CEILING("product"."cost") AS "y", ABS(("product"."price" - "product"."cost")) AS "z" FROM "product";

SELECT NULLIF("product"."description", '') AS "nn" FROM "product";

SELECT REPLACE("product"."name", 'a', 'b') AS "r", LPAD("product"."sku", 10, '0') AS "lp", REVERSE("product"."sku") AS "rv", MD5("product"."sku") AS "m" FROM "product";

SELECT "product"."category_id" AS "category", STRING_AGG("product"."name", ', ' ) AS "names", ARRAY_AGG("product"."id" ORDER BY "product"."price" DESC) AS "ids" FROM "product" GROUP BY 1;

SELECT JSONB_BUILD_OBJECT(('id')::text, "product"."id", ('n')::text, "product"."name") AS "j" FROM "product";

SELECT "product"."category_id" AS "category", BOOL_OR("product"."price" > 5) AS "b" FROM "product" GROUP BY 1;

SELECT "customer"."id", "customer"."email", "customer"."full_name", "customer"."phone", "customer"."birth_date", "customer"."is_active", "customer"."created_at", "customer"."settings", "customer"."referrer_id" FROM "customer" WHERE EXISTS(SELECT 1 AS "a" FROM "orders" U0 WHERE (U0."customer_id" = ("customer"."id") AND U0."status" = 'open') LIMIT 1);

SELECT "customer"."id", "customer"."email", "customer"."full_name", "customer"."phone", "customer"."birth_date", "customer"."is_active", "customer"."created_at", "customer"."settings", "customer"."referrer_id" FROM "customer" WHERE NOT EXISTS(SELECT 1 AS "a" FROM "orders" U0 WHERE U0."customer_id" = ("customer"."id") LIMIT 1);

SELECT "customer"."id", "customer"."email", "customer"."full_name", "customer"."phone", "customer"."birth_date", "customer"."is_active", "customer"."created_at", "customer"."settings", "customer"."referrer_id", (SELECT U0."status" AS "status" FROM "orders" U0 WHERE U0."customer_id" = ("customer"."id") ORDER BY U0."placed_at" DESC LIMIT 1) AS "last" FROM "customer";

SELECT "customer"."id", "customer"."email", "customer"."full_name", "customer"."phone", "customer"."birth_date", "customer"."is_active", "customer"."created_at", "customer"."settings", "customer"."referrer_id", (SELECT COUNT(*) AS "c" FROM "orders" U0 WHERE U0."customer_id" = ("customer"."id") GROUP BY U0."customer_id") AS "n" FROM "customer";

SELECT "orders"."id", "orders"."customer_id", "orders"."address_id", "orders"."status", "orders"."placed_at", "orders"."shipped_at", "orders"."total", "orders"."note", "orders"."coupon_code" FROM "orders" WHERE "orders"."customer_id" IN (SELECT U0."id" FROM "customer" U0 WHERE U0."is_active");

SELECT "orders"."id", "orders"."customer_id", "orders"."address_id", "orders"."status", "orders"."placed_at", "orders"."shipped_at", "orders"."total", "orders"."note", "orders"."coupon_code" FROM "orders" WHERE "orders"."total" > (SELECT AVG(U0."total") AS "a" FROM "orders" U0 GROUP BY U0."customer_id" LIMIT 1);

SELECT "customer"."id" AS "id", EXISTS(SELECT 1 AS "a" FROM "review" U0 WHERE U0."customer_id" = ("customer"."id") LIMIT 1) AS "has" FROM "customer";

SELECT "product"."id", "product"."sku", "product"."name", "product"."description", "product"."price", "product"."cost", "product"."category_id", "product"."labels", "product"."attributes", "product"."created_at", "product"."discontinued_on" FROM "product" WHERE "product"."id" IN (SELECT U0."product_id" AS "product_id" FROM "order_line" U0);

SELECT "orders"."id" AS "id", ROW_NUMBER() OVER (PARTITION BY "orders"."customer_id" ORDER BY "orders"."placed_at" DESC) AS "rn" FROM "orders";

SELECT * FROM ( SELECT "orders"."id" AS "col1", "orders"."customer_id" AS "col2", "orders"."address_id" AS "col3", "orders"."status" AS "col4", "orders"."placed_at" AS "col5", "orders"."shipped_at" AS "col6", "orders"."total" AS "col7", "orders"."note" AS "col8", "orders"."coupon_code" AS "col9", ROW_NUMBER() OVER (PARTITION BY "orders"."customer_id" ORDER BY "orders"."placed_at" DESC) AS "rn" FROM "orders" ) "qualify" WHERE "rn" <= 3;

SELECT "employee"."name" AS "name", RANK() OVER (PARTITION BY "employee"."department_id" ORDER BY "employee"."salary" DESC) AS "r", SUM("employee"."salary") OVER (PARTITION BY "employee"."department_id") AS "s" FROM "employee";

SELECT SUM("orders"."total") OVER (ORDER BY "orders"."id" ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS "run" FROM "orders";

SELECT LAG("employee"."salary", 1) OVER (ORDER BY "employee"."hired_on") AS "prev" FROM "employee";

SELECT FIRST_VALUE("employee"."name") OVER (PARTITION BY EXTRACT(YEAR FROM "employee"."hired_on") ORDER BY "employee"."hired_on") AS "f" FROM "employee";

SELECT NTILE(4) OVER (ORDER BY "product"."price") AS "n" FROM "product";

(SELECT "customer"."email" AS "email" FROM "customer") UNION (SELECT "tag"."label" AS "label" FROM "tag");

(SELECT "customer"."id" AS "id" FROM "customer") INTERSECT (SELECT "orders"."customer_id" AS "customer_id" FROM "orders");

(SELECT "product"."id" AS "id" FROM "product") EXCEPT (SELECT "order_line"."product_id" AS "product_id" FROM "order_line");

(SELECT "customer"."email" AS "email" FROM "customer") UNION ALL (SELECT "tag"."label" AS "label" FROM "tag") ORDER BY 1 ASC LIMIT 5;

SELECT "product"."id", "product"."sku", "product"."name", "product"."description", "product"."price", "product"."cost", "product"."category_id", "product"."labels", "product"."attributes", "product"."created_at", "product"."discontinued_on" FROM "product" WHERE "product"."labels" @> (ARRAY['a'])::text[];

SELECT "product"."id", "product"."sku", "product"."name", "product"."description", "product"."price", "product"."cost", "product"."category_id", "product"."labels", "product"."attributes", "product"."created_at", "product"."discontinued_on" FROM "product" WHERE "product"."labels" && (ARRAY['a', 'b'])::text[];

SELECT "product"."id", "product"."sku", "product"."name", "product"."description", "product"."price", "product"."cost", "product"."category_id", "product"."labels", "product"."attributes", "product"."created_at", "product"."discontinued_on" FROM "product" WHERE ("product"."labels")[1] = 'a';

SELECT "product"."id", "product"."sku", "product"."name", "product"."description", "product"."price", "product"."cost", "product"."category_id", "product"."labels", "product"."attributes", "product"."created_at", "product"."discontinued_on" FROM "product" WHERE CASE WHEN "product"."labels" IS NULL THEN NULL ELSE coalesce(array_length("product"."labels", 1), 0) END = 2;

SELECT ("product"."labels")[2] AS "labels__1" FROM "product";

SELECT "product"."id", "product"."sku", "product"."name", "product"."description", "product"."price", "product"."cost", "product"."category_id", "product"."labels", "product"."attributes", "product"."created_at", "product"."discontinued_on" FROM "product" WHERE to_tsvector(COALESCE("product"."name", '')) @@ (plainto_tsquery('x'));

SELECT "product"."id", "product"."sku", "product"."name", "product"."description", "product"."price", "product"."cost", "product"."category_id", "product"."labels", "product"."attributes", "product"."created_at", "product"."discontinued_on", to_tsvector(COALESCE("product"."name", '') || ' ' || COALESCE("product"."description", '')) AS "s" FROM "product" WHERE to_tsvector(COALESCE("product"."name", '') || ' ' || COALESCE("product"."description", '')) @@ (plainto_tsquery('x'));

SELECT "product"."id", "product"."sku", "product"."name", "product"."description", "product"."price", "product"."cost", "product"."category_id", "product"."labels", "product"."attributes", "product"."created_at", "product"."discontinued_on", ts_rank(to_tsvector(COALESCE("product"."name", '')), plainto_tsquery('a b')) AS "rank" FROM "product" ORDER BY 12 DESC;

SELECT "product"."id", "product"."sku", "product"."name", "product"."description", "product"."price", "product"."cost", "product"."category_id", "product"."labels", "product"."attributes", "product"."created_at", "product"."discontinued_on" FROM "product" WHERE ("product"."attributes" #> '{0,a}') = '"x"'::jsonb;

SELECT "product"."id", "product"."sku", "product"."name", "product"."description", "product"."price", "product"."cost", "product"."category_id", "product"."labels", "product"."attributes", "product"."created_at", "product"."discontinued_on" FROM "product" WHERE "product"."attributes" IS NULL;

SELECT "product"."id", "product"."sku", "product"."name", "product"."description", "product"."price", "product"."cost", "product"."category_id", "product"."labels", "product"."attributes", "product"."created_at", "product"."discontinued_on" FROM "product" WHERE EXTRACT(DOW FROM "product"."discontinued_on") + 1 = 2;

SELECT "product"."id", "product"."sku", "product"."name", "product"."description", "product"."price", "product"."cost", "product"."category_id", "product"."labels", "product"."attributes", "product"."created_at", "product"."discontinued_on" FROM "product" WHERE "product"."price" > ("product"."cost" * 2);

SELECT "orders"."id", "orders"."customer_id", "orders"."address_id", "orders"."status", "orders"."placed_at", "orders"."shipped_at", "orders"."total", "orders"."note", "orders"."coupon_code" FROM "orders" WHERE "orders"."shipped_at" > ("orders"."placed_at" + '3 days 0:00:00'::interval);

SELECT ("orders"."shipped_at" - "orders"."placed_at") AS "d" FROM "orders";

SELECT DISTINCT DATE_TRUNC('month', "orders"."placed_at" AT TIME ZONE 'America/Chicago') AS "datefield" FROM "orders" WHERE "orders"."placed_at" IS NOT NULL ORDER BY 1 ASC;

SELECT DISTINCT DATE_TRUNC('hour', "orders"."placed_at" AT TIME ZONE 'America/Chicago') AS "datetimefield" FROM "orders" WHERE "orders"."placed_at" IS NOT NULL ORDER BY 1 ASC;

SELECT DISTINCT ON ("orders"."customer_id") "orders"."id", "orders"."customer_id", "orders"."address_id", "orders"."status", "orders"."placed_at", "orders"."shipped_at", "orders"."total", "orders"."note", "orders"."coupon_code" FROM "orders" ORDER BY "orders"."customer_id" ASC, "orders"."placed_at" DESC;

SELECT "orders"."id", "orders"."customer_id", "orders"."address_id", "orders"."status", "orders"."placed_at", "orders"."shipped_at", "orders"."total", "orders"."note", "orders"."coupon_code" FROM "orders" WHERE "orders"."id" = 1 FOR UPDATE;

SELECT "orders"."id", "orders"."customer_id", "orders"."address_id", "orders"."status", "orders"."placed_at", "orders"."shipped_at", "orders"."total", "orders"."note", "orders"."coupon_code", "customer"."id", "customer"."email", "customer"."full_name", "customer"."phone", "customer"."birth_date", "customer"."is_active", "customer"."created_at", "customer"."settings", "customer"."referrer_id" FROM "orders" INNER JOIN "customer" ON ("orders"."customer_id" = "customer"."id") FOR UPDATE OF "orders" SKIP LOCKED;

SELECT "customer"."id", "customer"."email", "customer"."full_name", "customer"."phone", "customer"."birth_date", "customer"."is_active", "customer"."created_at", "customer"."settings", "customer"."referrer_id" FROM "customer" WHERE "customer"."id" IN (1, 2);

EXPLAIN SELECT "customer"."id", "customer"."email", "customer"."full_name", "customer"."phone", "customer"."birth_date", "customer"."is_active", "customer"."created_at", "customer"."settings", "customer"."referrer_id" FROM "customer" WHERE "customer"."email" = 'x';

SELECT "order_summary"."full_name" AS "full_name", SUM("order_summary"."amount") AS "t" FROM "order_summary" WHERE "order_summary"."amount" > 3 GROUP BY 1;

SELECT "employee"."id", "employee"."name", "employee"."title", "employee"."department_id", "employee"."manager_id", "employee"."salary", "employee"."hired_on" FROM "employee" INNER JOIN "employee" T2 ON ("employee"."manager_id" = T2."id") INNER JOIN "employee" T3 ON (T2."manager_id" = T3."id") WHERE T3."name" = 'x';

SELECT "department"."name" AS "department__name", AVG("employee"."salary") AS "a", COUNT("employee"."id") AS "n" FROM "employee" LEFT OUTER JOIN "department" ON ("employee"."department_id" = "department"."id") GROUP BY 1 HAVING COUNT("employee"."id") > 1;

SELECT (now()-created_at) AS "d", "customer"."id", "customer"."email", "customer"."full_name", "customer"."phone", "customer"."birth_date", "customer"."is_active", "customer"."created_at", "customer"."settings", "customer"."referrer_id" FROM "customer" WHERE (is_active);

SELECT * FROM customer WHERE id = 1;

SELECT "customer"."is_active" AS "k" FROM "customer";

SELECT "customer"."id", "customer"."email", "customer"."full_name", "customer"."phone", "customer"."birth_date", "customer"."is_active", "customer"."created_at", "customer"."settings", "customer"."referrer_id" FROM "customer" LEFT OUTER JOIN "orders" ON ("customer"."id" = "orders"."customer_id") GROUP BY "customer"."id", "customer"."email", "customer"."full_name", "customer"."phone", "customer"."birth_date", "customer"."is_active", "customer"."created_at", "customer"."settings", "customer"."referrer_id" HAVING COUNT("orders"."id") = 0;

SELECT "customer"."id" AS "id", MAX("review"."helpful") AS "m" FROM "customer" INNER JOIN "review" ON ("customer"."id" = "review"."customer_id") WHERE "review"."rating" IN (1, 2) GROUP BY 1;

SELECT (COUNT("orders"."id") + COUNT("review"."id")) AS "x" FROM "customer" LEFT OUTER JOIN "orders" ON ("customer"."id" = "orders"."customer_id") LEFT OUTER JOIN "review" ON ("customer"."id" = "review"."customer_id") GROUP BY "customer"."id", "customer"."email", "customer"."full_name", "customer"."phone", "customer"."birth_date", "customer"."is_active", "customer"."created_at", "customer"."settings", "customer"."referrer_id";

INSERT INTO "tag" ("label") VALUES ('q') RETURNING "tag"."id";

INSERT INTO "tag" ("label") SELECT * FROM UNNEST(('{a,b}')::text[]) RETURNING "tag"."id";

INSERT INTO "tag" ("label") VALUES ('a') ON CONFLICT DO NOTHING;

INSERT INTO "tag" ("id", "label") VALUES (3, 'a') ON CONFLICT("id") DO UPDATE SET "label" = EXCLUDED."label" RETURNING "tag"."id";

SELECT "tag"."id", "tag"."label" FROM "tag" WHERE "tag"."label" = 'zz' LIMIT 21;

INSERT INTO "tag" ("label") VALUES ('zz') RETURNING "tag"."id";

SELECT "tag"."id", "tag"."label" FROM "tag" WHERE "tag"."label" = 'zz' LIMIT 21 FOR UPDATE;

INSERT INTO "tag" ("label") VALUES ('yy') RETURNING "tag"."id";

UPDATE "product" SET "price" = ("product"."price" * 2) WHERE "product"."id" = 1;

UPDATE "orders" SET "status" = 'x', "note" = NULL WHERE "orders"."id" IN (SELECT U0."id" FROM "orders" U0 INNER JOIN "customer" U1 ON (U0."customer_id" = U1."id") WHERE NOT U1."is_active");

UPDATE "orders" SET "total" = (SELECT SUM((U0."quantity" * U0."unit_price")) AS "t" FROM "order_line" U0 WHERE U0."order_id" = ("orders"."id") GROUP BY U0."order_id");

UPDATE "customer" SET "settings" = '{"a": 1}'::jsonb, "phone" = (COALESCE('+', '') || COALESCE("customer"."phone", '')) WHERE "customer"."id" = 1;

UPDATE "employee" SET "salary" = CASE WHEN ("employee"."hired_on" BETWEEN '2020-01-01'::date AND '2020-12-31'::date) THEN ("employee"."salary" + 1) ELSE "employee"."salary" END WHERE "employee"."title" = 'x';

DELETE FROM "review" WHERE "review"."rating" = 1;

DELETE FROM "tag" WHERE "tag"."id" = 5;

UPDATE "product" SET "labels" = '{z}'::text[] WHERE "product"."id" IN (1);

INSERT INTO "customer" ("email", "full_name", "phone", "birth_date", "is_active", "created_at", "settings", "referrer_id") VALUES ('qq', 'Q', NULL, NULL, true, '2026-11-25 16:55:49.365678+00:00'::timestamptz, '{}'::jsonb, NULL) RETURNING "customer"."id";

UPDATE "customer" SET "full_name" = 'R' WHERE "customer"."id" = 2;

INSERT INTO "orders" ("customer_id", "address_id", "status", "placed_at", "shipped_at", "total", "note", "coupon_code") VALUES (2, NULL, 'open', '2026-11-25 16:55:49.366727+00:00'::timestamptz, NULL, 3, NULL, NULL) RETURNING "orders"."id";

SELECT "orders"."id", "orders"."customer_id", "orders"."address_id", "orders"."status", "orders"."placed_at", "orders"."shipped_at", "orders"."total", "orders"."note", "orders"."coupon_code" FROM "orders" WHERE "orders"."id" = 4 LIMIT 21;

UPDATE "orders" SET "customer_id" = 2, "address_id" = NULL, "status" = 'paid', "placed_at" = '2026-11-25 16:55:49.366727+00:00'::timestamptz, "shipped_at" = NULL, "total" = 3.00, "note" = NULL, "coupon_code" = NULL WHERE "orders"."id" = 4;

SELECT "orders"."id", "orders"."customer_id", "orders"."address_id", "orders"."status", "orders"."placed_at", "orders"."shipped_at", "orders"."total", "orders"."note", "orders"."coupon_code" FROM "orders" WHERE "orders"."customer_id" = 2;

SELECT 1 AS "a" FROM "orders" WHERE ("orders"."customer_id" = 2 AND "orders"."status" = 'paid') LIMIT 1;

INSERT INTO "address" ("customer_id", "street", "city", "postcode", "country", "is_default") VALUES (2, 's', 'c', NULL, 'DE', false) RETURNING "address"."id";

UPDATE "orders" SET "customer_id" = 2, "address_id" = 3, "status" = 'paid', "placed_at" = '2026-11-25 16:55:49.366727+00:00'::timestamptz, "shipped_at" = NULL, "total" = 3.00, "note" = NULL, "coupon_code" = NULL WHERE "orders"."id" = 4;

SELECT COUNT(*) AS "__count" FROM "address" WHERE "address"."customer_id" = 2;

DELETE FROM "order_line" WHERE "order_line"."order_id" IN (4);

DELETE FROM "payment" WHERE "payment"."order_id" IN (4);

DELETE FROM "orders" WHERE "orders"."id" IN (4);

SELECT "orders"."id" FROM "orders" WHERE "orders"."address_id" IN (3);

DELETE FROM "address" WHERE "address"."id" IN (3);

UPDATE "category" SET "name" = (CASE WHEN ("category"."id" = 1) THEN 'a' ELSE NULL END)::text, "position" = (CASE WHEN ("category"."id" = 1) THEN 1 ELSE NULL END)::integer WHERE "category"."id" IN (1);

INSERT INTO "event" ("id", "at", "kind", "payload", "customer_id") VALUES (4, '2025-06-01 00:00:00+00:00'::timestamptz, 'k', '{"a": 1}'::jsonb, NULL) RETURNING "event"."id";
