-- In the manner of Hibernate, Active Record, Prisma, Entity Framework, report tools and grids, over schema.sql. One statement
-- a paragraph.

select c1_0.id,c1_0.birth_date,c1_0.created_at,c1_0.email,c1_0.full_name,c1_0.is_active,c1_0.phone from customer c1_0 where c1_0.id=$1;

select c1_0.id,c1_0.email,o1_0.customer_id,o1_0.id,o1_0.note,o1_0.placed_at,o1_0.status,o1_0.total from customer c1_0 left join orders o1_0 on c1_0.id=o1_0.customer_id where c1_0.email=$1;

select o1_0.id,o1_0.total,c1_0.id,c1_0.full_name from orders o1_0 join customer c1_0 on c1_0.id=o1_0.customer_id where o1_0.status in ($1,$2) order by o1_0.placed_at desc offset $3 rows fetch first $4 rows only;

select count(o1_0.id) from orders o1_0 where o1_0.customer_id=$1;

select distinct p1_0.id,p1_0.name from product p1_0 join order_line l1_0 on p1_0.id=l1_0.product_id where l1_0.quantity>$1;

select p1_0.category_id,avg(p1_0.price) from product p1_0 group by p1_0.category_id having avg(p1_0.price)>(select avg(p2_0.price) from product p2_0);

select r1_0.product_id,r1_0.id,r1_0.rating,c1_0.id,c1_0.email from review r1_0 left join customer c1_0 on c1_0.id=r1_0.customer_id where r1_0.product_id=$1;

select e1_0.id,e1_0.name,m1_0.id,m1_0.name from employee e1_0 left join employee m1_0 on m1_0.id=e1_0.manager_id where exists(select 1 from employee r1_0 where e1_0.id=r1_0.manager_id);

select case when (o1_0.total>$1) then cast($2 as text) else o1_0.status end from orders o1_0;

select lower(c1_0.email),coalesce(c1_0.phone,$1),length(c1_0.full_name),cast(c1_0.id as text) from customer c1_0 where c1_0.full_name like $2 escape '!';

select t1_0.product_id,t1_1.id,t1_1.label from product_tag t1_0 join tag t1_1 on t1_1.id=t1_0.tag_id where t1_0.product_id = any ($1::integer[]);

insert into orders (address_id,coupon_code,customer_id,note,placed_at,shipped_at,status,total,id) values ($1,$2,$3,$4,$5,$6,$7,$8,$9);

update orders set address_id=$1,note=$2,status=$3,total=$4 where id=$5;

update customer c1_0 set is_active=false where not exists(select 1 from orders o1_0 where o1_0.customer_id=c1_0.id);

delete from order_line where order_id=$1 and line_no=$2;

delete from review r1_0 where r1_0.rating<$1 and r1_0.customer_id in (select c1_0.id from customer c1_0 where c1_0.is_active=false);

insert into tag(label) select distinct p1_0.name from product p1_0 where p1_0.price>$1;

select nextval('orders_id_seq');

select o1_0.id from orders o1_0 where o1_0.id=$1 for no key update;

select extract(year from o1_0.placed_at),sum(o1_0.total) from orders o1_0 group by extract(year from o1_0.placed_at) order by 1;

with recursive tree(id,parent_id) as (select c1_0.id,c1_0.parent_id from category c1_0 where c1_0.id=$1 union all select c2_0.id,c2_0.parent_id from category c2_0 join tree t1_0 on c2_0.parent_id=t1_0.id) select p1_0.id,p1_0.name from product p1_0 where p1_0.category_id in (select t2_0.id from tree t2_0);

select c1_0.id,c1_0.full_name,(select max(o1_0.placed_at) from orders o1_0 where o1_0.customer_id=c1_0.id) from customer c1_0 where (select count(*) from review r1_0 where r1_0.customer_id=c1_0.id)>=$1;

select rank() over(partition by p1_0.category_id order by p1_0.price desc nulls last),p1_0.id from product p1_0;

select listing.name,listing.stars from product_listing listing where listing.stars is not null order by listing.stars desc;

merge into stock s1_0 using (select $1::integer product_id,$2::integer warehouse_id,$3::integer quantity) n1_0 on (s1_0.product_id=n1_0.product_id and s1_0.warehouse_id=n1_0.warehouse_id) when matched then update set quantity=n1_0.quantity when not matched then insert (product_id,warehouse_id,quantity) values (n1_0.product_id,n1_0.warehouse_id,n1_0.quantity);

SELECT "customer".* FROM "customer" WHERE "customer"."email" = $1 LIMIT $2;

SELECT 1 AS one FROM "orders" WHERE "orders"."customer_id" = $1 LIMIT $2;

SELECT "orders".* FROM "orders" INNER JOIN "customer" ON "customer"."id" = "orders"."customer_id" WHERE "customer"."is_active" = TRUE AND "orders"."total" > $1 ORDER BY "orders"."placed_at" DESC;

SELECT "orders"."id" AS t0_r0, "orders"."customer_id" AS t0_r1, "orders"."status" AS t0_r2, "customer"."id" AS t1_r0, "customer"."email" AS t1_r1 FROM "orders" LEFT OUTER JOIN "customer" ON "customer"."id" = "orders"."customer_id" WHERE "customer"."email" LIKE 'a%';

SELECT COUNT(*) FROM (SELECT 1 AS one FROM "orders" WHERE "orders"."status" = $1 LIMIT $2 OFFSET $3) subquery_for_count;

SELECT DISTINCT "product".* FROM "product" INNER JOIN "product_tag" ON "product_tag"."product_id" = "product"."id" INNER JOIN "tag" ON "tag"."id" = "product_tag"."tag_id" WHERE "tag"."label" IN ($1, $2);

SELECT COUNT("orders"."id") AS "count_id", "orders"."status" AS "orders_status" FROM "orders" GROUP BY "orders"."status";

SELECT SUM("order_line"."quantity" * "order_line"."unit_price") FROM "order_line" WHERE "order_line"."order_id" = $1;

SELECT "customer"."full_name", "customer"."phone" FROM "customer" WHERE ("customer"."created_at" BETWEEN $1 AND $2) AND NOT ("customer"."phone" IS NULL);

SELECT DISTINCT ON (customer_id) * FROM "orders" ORDER BY "orders"."customer_id" ASC, "orders"."placed_at" DESC;

INSERT INTO "review" ("product_id", "customer_id", "rating", "title", "body", "created_at", "helpful") VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING "id";

INSERT INTO "tag" ("label") VALUES ('a'), ('b') ON CONFLICT ("label") DO UPDATE SET "label" = excluded."label" RETURNING "id", "label";

INSERT INTO "tag" ("label") VALUES ('a') ON CONFLICT DO NOTHING RETURNING "id";

UPDATE "product" SET "price" = $1, "discontinued_on" = $2 WHERE "product"."id" = $3;

UPDATE "review" SET "helpful" = COALESCE("review"."helpful", 0) + $1 WHERE "review"."id" = $2;

UPDATE "orders" SET "status" = $1 WHERE "orders"."id" IN (SELECT "orders"."id" FROM "orders" INNER JOIN "customer" ON "customer"."id" = "orders"."customer_id" WHERE "customer"."is_active" = FALSE);

DELETE FROM "address" WHERE "address"."customer_id" = $1 AND "address"."is_default" = FALSE;

SELECT "customer".* FROM "customer" WHERE "customer"."settings" ->> 'theme' = 'dark' OR settings @> '{"beta": true}';

SELECT "employee".*, ROW_NUMBER() OVER (PARTITION BY department_id ORDER BY salary DESC) AS place FROM "employee";

SELECT "product".*, ts_rank("product"."words", websearch_to_tsquery('english', $1)) AS rank FROM "product" WHERE "product"."words" @@ websearch_to_tsquery('english', $1) ORDER BY rank DESC LIMIT 10;

SELECT "category".* FROM "category" WHERE "category"."parent_id" IS NULL ORDER BY "category"."position" ASC, "category"."name" ASC;

WITH "big" AS (SELECT "orders".* FROM "orders" WHERE "orders"."total" > 1000) SELECT "big".* FROM "big" WHERE "big"."status" = $1;

SELECT "public"."customer"."id", "public"."customer"."email", "public"."customer"."full_name" FROM "public"."customer" WHERE ("public"."customer"."email" = $1 AND 1=1) LIMIT $2 OFFSET $3;

SELECT "public"."orders"."id", "public"."orders"."customer_id", "public"."orders"."total" FROM "public"."orders" WHERE "public"."orders"."customer_id" IN ($1,$2,$3) OFFSET $4;

SELECT "public"."customer"."id" FROM "public"."customer" WHERE ("public"."customer"."id") NOT IN (SELECT "t1"."customer_id" FROM "public"."orders" AS "t1" WHERE ("t1"."status" = $1 AND "t1"."customer_id" IS NOT NULL)) ORDER BY "public"."customer"."id" ASC;

SELECT "public"."customer"."id", "public"."customer"."email", COALESCE("aggr_selection_0_orders"."_aggr_count_orders", 0) AS "_aggr_count_orders" FROM "public"."customer" LEFT JOIN (SELECT "public"."orders"."customer_id", COUNT(*) AS "_aggr_count_orders" FROM "public"."orders" WHERE 1=1 GROUP BY "public"."orders"."customer_id") AS "aggr_selection_0_orders" ON ("public"."customer"."id" = "aggr_selection_0_orders"."customer_id") WHERE 1=1;

SELECT "t1"."id", "t1"."email", "customer_orders"."__prisma_data__" AS "orders" FROM "public"."customer" AS "t1" LEFT JOIN LATERAL (SELECT COALESCE(JSONB_AGG("__prisma_data__"), '[]') AS "__prisma_data__" FROM (SELECT "t3"."__prisma_data__" FROM (SELECT JSONB_BUILD_OBJECT('id', "t2"."id", 'total', "t2"."total") AS "__prisma_data__" FROM (SELECT "t2".* FROM "public"."orders" AS "t2" WHERE "t1"."id" = "t2"."customer_id") AS "t2") AS "t3") AS "t4") AS "customer_orders" ON TRUE;

SELECT COUNT(*), SUM("total"), AVG("total") FROM (SELECT "public"."orders"."id", "public"."orders"."total" FROM "public"."orders" WHERE 1=1 OFFSET $1) AS "sub";

SELECT SUM("public"."order_line"."quantity"), "public"."order_line"."product_id" FROM "public"."order_line" WHERE 1=1 GROUP BY "public"."order_line"."product_id" HAVING SUM("public"."order_line"."quantity") > $1 ORDER BY SUM("public"."order_line"."quantity") DESC OFFSET $2;

INSERT INTO "public"."tag" ("label") VALUES ($1) RETURNING "public"."tag"."id", "public"."tag"."label";

INSERT INTO "public"."tag" ("label") VALUES ($1) ON CONFLICT ("label") DO UPDATE SET "label" = $2 WHERE ("public"."tag"."label" = $3 AND 1=1) RETURNING "public"."tag"."id";

UPDATE "public"."product" SET "price" = "public"."product"."price" + $1 WHERE ("public"."product"."id" = $2 AND 1=1) RETURNING "public"."product"."id", "public"."product"."price", "public"."product"."margin";

DELETE FROM "public"."review" WHERE ("public"."review"."id" IN ($1) AND 1=1);

SELECT c."Id", c."Email", o0."Total" FROM (SELECT c0.id AS "Id", c0.email AS "Email" FROM customer AS c0 ORDER BY c0.id LIMIT $1) AS c LEFT JOIN (SELECT o.customer_id AS "CustomerId", o.total AS "Total" FROM orders AS o WHERE o.status = 'open') AS o0 ON c."Id" = o0."CustomerId" ORDER BY c."Id";

SELECT o.status AS "Key", count(*)::int AS "Count", COALESCE(sum(o.total), 0.0) AS "Sum" FROM orders AS o GROUP BY o.status;

SELECT p.id, p.name FROM product AS p WHERE EXISTS (SELECT 1 FROM review AS r WHERE p.id = r.product_id AND r.rating >= 4) AND (p.category_id = ANY ($1::integer[]) OR p.category_id IS NULL);

SELECT t.id, t.name, t.row FROM (SELECT p.id, p.name, ROW_NUMBER() OVER(PARTITION BY p.category_id ORDER BY p.price) AS row FROM product AS p) AS t WHERE t.row <= 3;

UPDATE orders AS o SET note = concat(c.full_name, ' ', o.status) FROM customer AS c WHERE c.id = o.customer_id AND c.is_active;

INSERT INTO payment (order_id, method, amount) VALUES ($1, $2, $3), ($4, $5, $6) RETURNING id;

SELECT CASE WHEN c.phone IS NULL OR c.phone = '' THEN c.email ELSE c.phone END AS "Contact", date_trunc('day', c.created_at AT TIME ZONE 'UTC') FROM customer AS c;

SELECT "source"."month" AS "month", "source"."sum" AS "sum" FROM (SELECT CAST(DATE_TRUNC('month', "public"."orders"."placed_at") AS date) AS "month", SUM("public"."orders"."total") AS "sum" FROM "public"."orders" GROUP BY CAST(DATE_TRUNC('month', "public"."orders"."placed_at") AS date)) AS "source" WHERE "source"."sum" > 1000 ORDER BY "source"."month" ASC;

SELECT "Customer - Customer"."full_name" AS "Customer - Customer__full_name", COUNT(DISTINCT "public"."orders"."id") AS "count" FROM "public"."orders" LEFT JOIN "public"."customer" AS "Customer - Customer" ON "public"."orders"."customer_id" = "Customer - Customer"."id" GROUP BY "Customer - Customer"."full_name" ORDER BY "count" DESC LIMIT 10;

SELECT category, SUM(quantity) FILTER (WHERE placed_at >= now() - interval '30 days') AS last_month, SUM(quantity) AS ever FROM (SELECT g.name AS category, l.quantity, o.placed_at FROM order_line l JOIN orders o ON o.id = l.order_id JOIN product p ON p.id = l.product_id JOIN category g ON g.id = p.category_id) AS virtual_table GROUP BY category ORDER BY last_month DESC NULLS LAST LIMIT 1000;

WITH cohort AS (SELECT id AS customer_id, date_trunc('month', created_at) AS joined FROM customer), activity AS (SELECT o.customer_id, date_trunc('month', o.placed_at) AS month FROM orders o GROUP BY 1, 2) SELECT c.joined, extract(month FROM age(a.month, c.joined)) AS after, count(DISTINCT a.customer_id) AS active FROM cohort c JOIN activity a USING (customer_id) GROUP BY 1, 2 ORDER BY 1, 2;

SELECT month, revenue, revenue - lag(revenue) OVER (ORDER BY month) AS change, round(100 * revenue / NULLIF(lag(revenue) OVER (ORDER BY month), 0), 1) AS percent FROM monthly_revenue ORDER BY month;

SELECT coalesce(g.name, 'all') AS category, coalesce(o.status, 'all') AS status, sum(l.quantity * l.unit_price) AS amount, grouping(g.name, o.status) AS level FROM order_line l JOIN orders o ON o.id = l.order_id JOIN product p ON p.id = l.product_id LEFT JOIN category g ON g.id = p.category_id GROUP BY ROLLUP (g.name, o.status);

SELECT d::date AS day, count(o.id) AS orders FROM generate_series(current_date - 30, current_date, interval '1 day') AS d LEFT JOIN orders o ON o.placed_at::date = d::date GROUP BY d ORDER BY d;

SELECT width_bucket(total, 0, 1000, 10) AS bucket, count(*), min(total), max(total) FROM orders GROUP BY bucket ORDER BY bucket;

SELECT percentile_cont(ARRAY[0.5, 0.9, 0.99]) WITHIN GROUP (ORDER BY total) AS quantiles FROM orders WHERE placed_at >= date_trunc('year', now());

SELECT kind, payload ->> 'page' AS page, count(*) FROM event WHERE at >= '2025-03-01' AND at < '2025-04-01' GROUP BY kind, payload ->> 'page' HAVING count(*) > 10;

SELECT e.customer_id, array_agg(e.kind ORDER BY e.at) AS path FROM event e GROUP BY e.customer_id HAVING bool_or(e.kind = 'buy');

SELECT s.customer_id, s.at, sum(s.fresh) OVER (PARTITION BY s.customer_id ORDER BY s.at) AS visit FROM (SELECT customer_id, at, CASE WHEN at - lag(at) OVER (PARTITION BY customer_id ORDER BY at) > interval '30 minutes' THEN 1 ELSE 0 END AS fresh FROM event) s;

SELECT c.email FROM customer c WHERE c.id IN (SELECT customer_id FROM orders EXCEPT SELECT customer_id FROM review);

SELECT x.* FROM public.customer x;

SELECT x.id, x.email FROM public.customer x WHERE x.id = 5 ORDER BY x.email LIMIT 200;

SELECT count(*) FROM public.orders x WHERE x.status = 'open';

SELECT t.*, CTID FROM public.orders t LIMIT 501;

select t.* from public.orders t where status = 'open' order by placed_at desc;

SELECT * FROM public.employee ORDER BY id ASC;

UPDATE public.customer SET phone='+1' WHERE id=5;

INSERT INTO public.tag (label) VALUES('x');

DELETE FROM public.tag WHERE id=7;

SELECT "id", "email", "settings"::text FROM "public"."customer" WHERE "is_active" ORDER BY 1 ASC OFFSET 0 LIMIT 50;

SELECT * FROM (SELECT * FROM order_summary) AS t WHERE t.amount IS NOT NULL;

select count(*) over() as total_count, o.id, o.status from orders o order by o.id limit 20;
