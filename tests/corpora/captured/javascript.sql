-- What Knex, Kysely, Drizzle and Sequelize write over schema.sql. One statement a paragraph.

select * from "customer";

select "id", "email" as "mail" from "customer" where "is_active" = $1;

select * from "customer" where not "email" = $1 or "phone" is null;

select "orders".*, "customer"."full_name" from "orders" inner join "customer" on "customer"."id" = "orders"."customer_id";

select "orders"."id", "payment"."paid_at" from "orders" left join "payment" on "payment"."order_id" = "orders"."id" and "payment"."amount" >= "orders"."total";

select count(*) as "n", "status" from "orders" group by "status";

select sum("total") from "orders" where "customer_id" = $1;

select avg("total") as "a", max("placed_at"), min("id") from "orders";

select count(distinct "customer_id") from "orders";

select * from "product" where "category_id" in (select "id" from "category" where "slug" like $1);

select * from "customer" where exists (select 1 from "orders" where orders.customer_id = customer.id);

select * from "orders" where "total" between $1 and $2 order by "placed_at" desc limit $3 offset $4;

select coalesce(description,'') || name as text from "product";

select "customer_id", count("id") as "n" from "orders" group by "customer_id" having count(id) > $1;

with "t" as (select "customer_id", sum("total") as "s" from "orders" group by "customer_id") select "c"."full_name", "t"."s" from "t" inner join "customer" as "c" on "c"."id" = "t"."customer_id";

with recursive "tree"("id", "name", "d") as (select "id", "name", 0 from "category" where "parent_id" is null union all select "c"."id", "c"."name", t.d+1 from "category" as "c" inner join "tree" as "t" on "t"."id" = "c"."parent_id") select * from "tree";

select "email" from "customer" union select "label" from "tag";

select "id" from "customer" intersect select "customer_id" from "orders";

select "id" from "product" except select "product_id" from "order_line";

select "name", rank() over (partition by "department_id" order by "salary") as "r" from "employee";

select "name", row_number() over (partition by "department_id" order by "salary" desc) as "rn" from "employee";

select distinct "category_id" from "product";

select distinct on ("customer_id") * from "orders" order by "customer_id" asc;

select * from "product" where jsonb_path_query_first("attributes", $1)::int = $2;

select * from "product" where "attributes" @> $1;

select jsonb_path_query("settings", $1) as "theme" from "customer";

select * from (select * from "orders" where "total" > $1) as "big";

select "l"."quantity" as "q" from "order_line" as "l" inner join "product" as "p" on "p"."id" = "l"."product_id" where "l"."unit_price" < "p"."price";

select "a"."id", "b"."id" as "bid" from "customer" as "a" cross join "tag" as "b";

select * from "orders" where "id" = $1 for update;

select * from "orders" limit $1 for update skip locked;

insert into "tag" ("label") values ($1) returning "id";

insert into "tag" ("label") values ($1), ($2);

insert into "tag" ("label") values ($1) on conflict ("label") do update set "label" = excluded."label";

insert into "tag" ("label") values ($1) on conflict ("label") do nothing;

insert into "stock" ("product_id", "quantity", "warehouse_id") values ($1, $2, $3) on conflict ("product_id", "warehouse_id") do update set "quantity" = stock.quantity + excluded.quantity where "stock"."quantity" < $4;

update "product" set "price" = $1 where "id" = $2 returning "id", "price";

update "product" set "price" = "price" + $1;

update "orders" set "note" = upper(note) where "customer_id" in (select "id" from "customer");

update "orders" set "note" = "customer"."full_name" from "customer" where "orders"."customer_id" = "customer"."id";

delete from "review" where "rating" < $1;

delete from "review" using "customer" where customer.id = review.customer_id;

insert into tag (label) select "email" from "customer";

select date_trunc('month', placed_at) as m, sum("total") from "orders" group by 1 order by 1;

select * from "customer" where "email" ilike $1 and "full_name" like $2;

select "id" as "k", "status" as "v" from "orders";

select "month" from "monthly_revenue" where "revenue" > $1;

select "s"."full_name", sum("s"."amount") from "order_summary" as "s" group by "s"."full_name";

select "c"."id" as "cid", "o"."total" from "customer" as "c" inner join "orders" as "o" on "o"."customer_id" = "c"."id" where "o"."status" = $1;

select (select count(*) as "n" from "orders" where "orders"."customer_id" = "customer"."id") as "n", "customer"."email" from "customer";

select "status", sum("total") as "t", count(distinct "id") as "n" from "orders" group by "status" having count("id") > $1;

select case when "price" > $1 then $2 else $3 end as "k" from "product";

select "name", rank() over(partition by "department_id" order by "salary" desc) as "r" from "employee";

select sum("total") filter(where "status" = $1) as "p" from "orders";

select "id" from "customer" where not exists (select "orders"."id" from "orders" where "orders"."customer_id" = "customer"."id");

with "t" as (select "customer_id", "total" from "orders") select "customer"."email", "t"."total" from "t" inner join "customer" on "customer"."id" = "t"."customer_id";

with recursive "tree"("id", "name") as (select "id", "name" from "category" where "parent_id" is null union all select "category"."id", "category"."name" from "category" inner join "tree" on "tree"."id" = "category"."parent_id") select * from "tree";

select "customer"."id", "r"."total" from "customer" left join lateral (select "orders"."id" as "oid", "orders"."total" from "orders" where "orders"."customer_id" = "customer"."id" order by "placed_at" desc limit $1) as "r" on true;

select "id" from "customer" union select "customer_id" as "id" from "orders";

select "attributes"->>'a' as "a" from "product";

select "price" * 2 as "d" from "product";

select distinct on ("category_id") "name" from "product" order by "category_id", "price" desc;

insert into "tag" ("label") select "email" from "customer";

insert into "tag" ("label") values ($1) on conflict ("label") do update set "label" = "excluded"."label";

insert into "tag" ("label") values ($1) on conflict do nothing;

update "product" set "price" = "price" * $1 where "id" = $2 returning *;

update "orders" set "note" = "customer"."full_name" from "customer" where "customer"."id" = "orders"."customer_id";

delete from "review" where "rating" < $1 returning "id";

delete from "review" using "customer" where "customer"."id" = "review"."customer_id" and "customer"."is_active" = $1;

merge into "stock" as "s" using "order_line" as "l" on "l"."product_id" = "s"."product_id" when matched then update set "quantity" = "s"."quantity" - "l"."quantity" when not matched then insert ("product_id", "warehouse_id", "quantity") values ("l"."product_id", $1, $2);

with "gone" as (delete from "payment" where "paid_at" is null returning "order_id") select "orders"."status" from "gone" inner join "orders" on "orders"."id" = "gone"."order_id";

select sum("quantity" * "unit_price") as "t" from "order_line";

select coalesce("phone", "email") as "x" from "customer" where ("email" like $1 or ("phone" is null and "is_active" = $2));

select "customer".* from "customer" where "id" in (select "customer_id" from "orders");

select * from "orders" for update skip locked;

select "customer"."id" as "a", "tag"."id" as "b" from "customer", "tag";

select "id", "email", "full_name", "phone", "is_active" from "customer";

select "email" from "customer" where ("customer"."is_active" = $1 and ("customer"."email" like $2 or "customer"."phone" is null));

select "orders"."id", "orders"."customer_id", "orders"."status", "orders"."total", "orders"."placed_at", "orders"."note", "customer"."id", "customer"."email", "customer"."full_name", "customer"."phone", "customer"."is_active" from "orders" left join "customer" on "customer"."id" = "orders"."customer_id" order by "orders"."placed_at" desc limit $1;

select "status", count(*), sum("total") from "orders" group by "orders"."status" having count(*) > $1;

with "sq" as (select "customer_id", sum("total") as "t" from "orders" group by "orders"."customer_id") select "sq"."customer_id", "t", "customer"."id", "customer"."email", "customer"."full_name", "customer"."phone", "customer"."is_active" from "sq" inner join "customer" on "customer"."id" = "sq"."customer_id";

select "customer"."full_name", "n" from "customer" left join (select "customer_id", count(*) as "n" from "orders" group by "orders"."customer_id") "s2" on "s2"."customer_id" = "customer"."id";

select "id", "email", "full_name", "phone", "is_active" from "customer" where "customer"."id" in (select "customer_id" from "orders");

select "id" from "customer" where not exists (select "id", "customer_id", "status", "total", "placed_at", "note" from "orders" where "orders"."customer_id" = "customer"."id");

select rank() over (partition by "category_id" order by "price" desc) from "product";

select distinct "status" from "orders";

select distinct on ("orders"."customer_id") "id" from "orders" order by "orders"."customer_id", "orders"."placed_at" desc;

(select "email" from "customer") union (select "label" from "tag");

(select "id" from "product") except all (select "product_id" from "order_line");

insert into "tag" ("id", "label") values (default, $1) returning "id", "label";

insert into "tag" ("id", "label") values (default, $1) on conflict ("label") do update set "label" = excluded.label || '!';

insert into "tag" ("id", "label") values (default, $1), (default, $2) on conflict do nothing;

update "product" set "price" = "product"."price" * 2 where "product"."id" = $1 returning "price";

delete from "orders" where "orders"."status" = $1 returning "id", "customer_id", "status", "total", "placed_at", "note";

select "customer"."id", "customer"."email", "customer"."full_name", "customer"."phone", "customer"."is_active", "customer_orders"."data" as "orders" from "customer" "customer" left join lateral (select coalesce(json_agg(json_build_array("customer_orders"."id", "customer_orders"."customer_id", "customer_orders"."status", "customer_orders"."total", "customer_orders"."placed_at", "customer_orders"."note")), '[]'::json) as "data" from "orders" "customer_orders" where "customer_orders"."customer_id" = "customer"."id") "customer_orders" on true;

select "orders"."id", "orders"."customer_id", "orders"."status", "orders"."total", "orders"."placed_at", "orders"."note", "orders_customer"."data" as "customer", "orders_lines"."data" as "lines" from "orders" "orders" left join lateral (select json_build_array("orders_customer"."id", "orders_customer"."email", "orders_customer"."full_name", "orders_customer"."phone", "orders_customer"."is_active") as "data" from (select * from "customer" "orders_customer" where "orders_customer"."id" = "orders"."customer_id" limit $1) "orders_customer") "orders_customer" on true left join lateral (select coalesce(json_agg(json_build_array("orders_lines"."order_id", "orders_lines"."line_no", "orders_lines"."product_id", "orders_lines"."quantity", "orders_lines"."unit_price", "orders_lines_product"."data")), '[]'::json) as "data" from "order_line" "orders_lines" left join lateral (select json_build_array("orders_lines_product"."id", "orders_lines_product"."name", "orders_lines_product"."price", "orders_lines_product"."category_id") as "data" from (select * from "product" "orders_lines_product" where "orders_lines_product"."id" = "orders_lines"."product_id" limit $2) "orders_lines_product") "orders_lines_product" on true where "orders_lines"."order_id" = "orders"."id") "orders_lines" on true where "orders"."status" = $3 limit $4;

select "customer"."email", "customer_orders"."data" as "orders" from "customer" "customer" left join lateral (select coalesce(json_agg(json_build_array("customer_orders"."total") order by "customer_orders"."placed_at" desc), '[]'::json) as "data" from (select * from "orders" "customer_orders" where "customer_orders"."customer_id" = "customer"."id" order by "customer_orders"."placed_at" desc limit $1) "customer_orders") "customer_orders" on true limit $2;

select avg("order_line"."unit_price") from "order_line" inner join "product" on "product"."id" = "order_line"."product_id" where "product"."price" between $1 and $2;

select "id", "customer_id", "status", "total", "placed_at", "note" from "orders" for update skip locked;

insert into "tag" ("id", "label") select "id", "name" from "product";

SELECT "id", "email", "full_name", "is_active", "phone", "settings" FROM "customer" AS "Customer";

SELECT "id", "email" FROM "customer" AS "Customer" WHERE "Customer"."is_active" = true AND "Customer"."email" LIKE 'a%' ORDER BY "Customer"."id" DESC LIMIT 2 OFFSET 1;

SELECT "Customer"."id", "Customer"."email", "Customer"."full_name", "Customer"."is_active", "Customer"."phone", "Customer"."settings", "Orders"."id" AS "Orders.id", "Orders"."status" AS "Orders.status", "Orders"."total" AS "Orders.total", "Orders"."placed_at" AS "Orders.placed_at", "Orders"."customer_id" AS "Orders.customer_id", "Orders"."note" AS "Orders.note" FROM "customer" AS "Customer" LEFT OUTER JOIN "orders" AS "Orders" ON "Customer"."id" = "Orders"."customer_id";

SELECT "Customer"."id", "Customer"."email", "Customer"."full_name", "Customer"."is_active", "Customer"."phone", "Customer"."settings", "Orders"."id" AS "Orders.id", "Orders"."status" AS "Orders.status", "Orders"."total" AS "Orders.total", "Orders"."placed_at" AS "Orders.placed_at", "Orders"."customer_id" AS "Orders.customer_id", "Orders"."note" AS "Orders.note", "Orders->Payments"."id" AS "Orders.Payments.id", "Orders->Payments"."amount" AS "Orders.Payments.amount", "Orders->Payments"."order_id" AS "Orders.Payments.order_id", "Orders->Payments"."method" AS "Orders.Payments.method" FROM "customer" AS "Customer" INNER JOIN "orders" AS "Orders" ON "Customer"."id" = "Orders"."customer_id" AND "Orders"."status" = 'open' LEFT OUTER JOIN "payment" AS "Orders->Payments" ON "Orders"."id" = "Orders->Payments"."order_id";

SELECT "Customer".*, "Orders"."id" AS "Orders.id", "Orders"."status" AS "Orders.status", "Orders"."total" AS "Orders.total", "Orders"."placed_at" AS "Orders.placed_at", "Orders"."customer_id" AS "Orders.customer_id", "Orders"."note" AS "Orders.note" FROM (SELECT "Customer"."id", "Customer"."email", "Customer"."full_name", "Customer"."is_active", "Customer"."phone", "Customer"."settings" FROM "customer" AS "Customer" LIMIT 3) AS "Customer" LEFT OUTER JOIN "orders" AS "Orders" ON "Customer"."id" = "Orders"."customer_id";

SELECT count("Customer"."id") AS "count" FROM "customer" AS "Customer" LEFT OUTER JOIN "orders" AS "Orders" ON "Customer"."id" = "Orders"."customer_id";

SELECT count(DISTINCT("customer_id")) AS "count" FROM "orders" AS "Order" WHERE "Order"."total" > 5;

SELECT sum("total") AS "sum" FROM "orders" AS "Order";

SELECT max("placed_at") AS "max" FROM "orders" AS "Order";

SELECT "status", COUNT("id") AS "n" FROM "orders" AS "Order" GROUP BY "status" HAVING COUNT("id") > 1;

SELECT "Product"."id", "Product"."name", "Product"."price", "Product"."labels", "Product"."sku", "Tags"."id" AS "Tags.id", "Tags"."label" AS "Tags.label" FROM "product" AS "Product" LEFT OUTER JOIN ( "product_tag" AS "Tags->product_tag" INNER JOIN "tag" AS "Tags" ON "Tags"."id" = "Tags->product_tag"."tag_id") ON "Product"."id" = "Tags->product_tag"."product_id";

SELECT "id", "name", "price", "labels", "sku" FROM "product" AS "Product" WHERE "Product"."labels" @> ARRAY['a']::TEXT[];

SELECT "id", "email", "full_name", "is_active", "phone", "settings" FROM "customer" AS "Customer" WHERE ("Customer"."settings"#>>'{theme}') = 'dark';

SELECT "id", "email", "full_name", "is_active", "phone", "settings" FROM "customer" AS "Customer" WHERE ("Customer"."email" = 'a' OR "Customer"."phone" IS NULL) AND ("Customer"."id" IN (1, 2) AND "Customer"."id" NOT IN (3));

SELECT "id", "status", "total", "placed_at", "customer_id", "note" FROM "orders" AS "Order" WHERE total > (SELECT avg(total) FROM orders);

SELECT "Order"."id", "Order"."status", "Order"."total", "Order"."placed_at", "Order"."customer_id", "Order"."note", "Customer"."id" AS "Customer.id", "Customer"."email" AS "Customer.email" FROM "orders" AS "Order" LEFT OUTER JOIN "customer" AS "Customer" ON "Order"."customer_id" = "Customer"."id" ORDER BY "Customer"."email" ASC;

SELECT "id", "email", "full_name", "is_active", "phone", "settings" FROM "customer" AS "Customer" WHERE "Customer"."email" = 'x' LIMIT 1;

SELECT "id", "email", "full_name", "is_active", "phone", "settings" FROM "customer" AS "Customer" WHERE "Customer"."id" = 3;

SELECT "id", "status", "total", "placed_at", "customer_id", "note" FROM "orders" AS "Order" FOR UPDATE;

SELECT "id", "email", "full_name", "is_active", "phone", (SELECT COUNT(*) FROM orders o WHERE o.customer_id = "Customer".id) AS "n" FROM "customer" AS "Customer";

SELECT "Customer"."id", "Customer"."email", "Customer"."full_name", "Customer"."is_active", "Customer"."phone", "Customer"."settings" FROM "customer" AS "Customer";

SELECT lower("name") AS "n", CAST("price" AS INTEGER) AS "p" FROM "product" AS "Product";

SELECT "Customer"."id", SUM("Orders"."total") AS "t" FROM "customer" AS "Customer" LEFT OUTER JOIN "orders" AS "Orders" ON "Customer"."id" = "Orders"."customer_id" GROUP BY "Customer"."id";

INSERT INTO "tag" ("id","label") VALUES (DEFAULT,$1) RETURNING "id","label";

INSERT INTO "tag" ("id","label") VALUES (DEFAULT,'x1'),(DEFAULT,'x2') ON CONFLICT DO NOTHING RETURNING "id","label";

INSERT INTO "tag" ("id","label") VALUES (1,'x1') ON CONFLICT ("id") DO UPDATE SET "label"=EXCLUDED."label" RETURNING "id","label";

INSERT INTO "tag" ("label") VALUES ($1) ON CONFLICT ("id") DO UPDATE SET "label"=EXCLUDED."label" RETURNING "id","label";

UPDATE "tag" SET "label"=$1 WHERE "label" = $2;

UPDATE "product" SET "price"="price"+ 2 WHERE "id" = 1 RETURNING *;

UPDATE "product" SET "price"=price * 2 WHERE "id" = $1 RETURNING "id","name","price","labels","sku";

DELETE FROM "tag" WHERE "label" = 'z';

SELECT "Order"."id", "Order"."status", "Order"."total", "Order"."placed_at", "Order"."customer_id", "Order"."note", "Customer"."id" AS "Customer.id", "Customer"."email" AS "Customer.email", "Customer"."full_name" AS "Customer.full_name", "Customer"."is_active" AS "Customer.is_active", "Customer"."phone" AS "Customer.phone", "Customer"."settings" AS "Customer.settings" FROM "orders" AS "Order" LEFT OUTER JOIN "customer" AS "Customer" ON "Order"."customer_id" = "Customer"."id" WHERE "Customer"."email" = 'x';

SELECT "id", "status", "total", "placed_at", "customer_id", "note" FROM "orders" AS "Order" WHERE date_trunc('month', "placed_at") = '2025-01-01';
