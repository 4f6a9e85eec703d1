-- The shop over which object mappers and tools were asked to work.
CREATE TABLE customer (
  id bigserial PRIMARY KEY, email text NOT NULL UNIQUE, full_name text NOT NULL, phone text, birth_date date,
  is_active boolean NOT NULL DEFAULT true, created_at timestamptz NOT NULL DEFAULT now(),
  settings jsonb NOT NULL DEFAULT '{}', referrer_id bigint REFERENCES customer
);
CREATE TABLE address (
  id bigserial PRIMARY KEY, customer_id bigint NOT NULL REFERENCES customer ON DELETE CASCADE, street text NOT NULL,
  city text NOT NULL, postcode varchar(12), country char(2) NOT NULL DEFAULT 'DE', is_default boolean NOT NULL DEFAULT false
);
CREATE TABLE category (
  id serial PRIMARY KEY, parent_id integer REFERENCES category, name text NOT NULL, slug text NOT NULL UNIQUE,
  position integer NOT NULL DEFAULT 0
);
CREATE TABLE product (
  id serial PRIMARY KEY, sku varchar(32) NOT NULL UNIQUE, name text NOT NULL, description text,
  price numeric(10,2) NOT NULL, cost numeric(10,2), margin numeric GENERATED ALWAYS AS (price - cost) STORED,
  category_id integer REFERENCES category, labels text[] NOT NULL DEFAULT '{}', attributes jsonb,
  created_at timestamptz NOT NULL DEFAULT now(), discontinued_on date,
  words tsvector GENERATED ALWAYS AS (to_tsvector('english'::regconfig, name || ' ' || coalesce(description, ''))) STORED
);
CREATE INDEX product_words ON product USING gin (words);
CREATE TABLE warehouse (id serial PRIMARY KEY, name text NOT NULL, city text);
CREATE TABLE stock (
  product_id integer REFERENCES product, warehouse_id integer REFERENCES warehouse, quantity integer NOT NULL DEFAULT 0,
  reserved integer NOT NULL DEFAULT 0, PRIMARY KEY (product_id, warehouse_id)
);
CREATE TABLE orders (
  id bigserial PRIMARY KEY, customer_id bigint NOT NULL REFERENCES customer, address_id bigint REFERENCES address,
  status text NOT NULL DEFAULT 'open', placed_at timestamptz NOT NULL DEFAULT now(), shipped_at timestamptz,
  total numeric(12,2), note text, coupon_code text
);
CREATE TABLE order_line (
  order_id bigint REFERENCES orders ON DELETE CASCADE, line_no integer, product_id integer NOT NULL REFERENCES product,
  quantity integer NOT NULL, unit_price numeric(10,2) NOT NULL, discount numeric(4,3) NOT NULL DEFAULT 0,
  PRIMARY KEY (order_id, line_no)
);
CREATE TABLE payment (
  id bigserial PRIMARY KEY, order_id bigint NOT NULL REFERENCES orders, method text NOT NULL, amount numeric(12,2) NOT NULL,
  paid_at timestamptz, reference text UNIQUE
);
CREATE TABLE review (
  id bigserial PRIMARY KEY, product_id integer NOT NULL REFERENCES product, customer_id bigint NOT NULL REFERENCES customer,
  rating integer NOT NULL CHECK (rating BETWEEN 1 AND 5), title text, body text, created_at timestamptz NOT NULL DEFAULT now(),
  helpful integer NOT NULL DEFAULT 0
);
CREATE TABLE department (id serial PRIMARY KEY, name text NOT NULL, budget numeric(14,2));
CREATE TABLE employee (
  id serial PRIMARY KEY, name text NOT NULL, title text, department_id integer REFERENCES department,
  manager_id integer REFERENCES employee, salary numeric(10,2), hired_on date NOT NULL DEFAULT current_date
);
CREATE TABLE tag (id serial PRIMARY KEY, label text NOT NULL UNIQUE);
CREATE TABLE product_tag (
  product_id integer REFERENCES product ON DELETE CASCADE, tag_id integer REFERENCES tag ON DELETE CASCADE,
  PRIMARY KEY (product_id, tag_id)
);
CREATE TABLE event (id bigint NOT NULL, at timestamptz NOT NULL, kind text NOT NULL, payload jsonb, customer_id bigint)
  PARTITION BY RANGE (at);
CREATE TABLE event_2025 PARTITION OF event FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE event_2026 PARTITION OF event FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TYPE priced AS (amount numeric, currency text);
CREATE TABLE invoice (
  id bigserial PRIMARY KEY, order_id bigint REFERENCES orders, number text NOT NULL, due_on date, amount priced, paid boolean DEFAULT false
);
CREATE TABLE reservation (id serial PRIMARY KEY, room integer NOT NULL, guest text NOT NULL, during tstzrange NOT NULL);
CREATE SCHEMA audit;
CREATE TABLE audit.entry (
  id bigserial PRIMARY KEY, at timestamptz NOT NULL DEFAULT now(), actor text NOT NULL, relation text NOT NULL, row_id bigint,
  before jsonb, after jsonb
);
CREATE VIEW active_customer AS SELECT id, email, full_name, created_at FROM customer WHERE is_active;
CREATE VIEW order_summary AS
  SELECT o.id, o.customer_id, c.full_name, o.status, o.placed_at, count(l.line_no) AS lines,
    sum(l.quantity * l.unit_price * (1 - l.discount)) AS amount
  FROM orders o JOIN customer c ON c.id = o.customer_id LEFT JOIN order_line l ON l.order_id = o.id
  GROUP BY o.id, c.full_name;
CREATE VIEW product_rating AS
  SELECT product_id, round(avg(rating), 2) AS stars, count(*) AS reviews FROM review GROUP BY product_id;
CREATE VIEW product_listing AS
  SELECT p.id, p.sku, p.name, p.price, g.name AS category, r.stars
  FROM product p LEFT JOIN category g ON g.id = p.category_id LEFT JOIN product_rating r ON r.product_id = p.id
  WHERE p.discontinued_on IS NULL;
CREATE MATERIALIZED VIEW monthly_revenue AS
  SELECT date_trunc('month', placed_at) AS month, sum(total) AS revenue FROM orders WHERE status <> 'cancelled' GROUP BY 1;
CREATE FUNCTION order_amount(wanted bigint) RETURNS numeric LANGUAGE sql STABLE AS
  $$ SELECT sum(quantity * unit_price) FROM order_line WHERE order_id = wanted $$;
CREATE FUNCTION customers_in(wanted text) RETURNS TABLE (customer_id bigint, street text) LANGUAGE sql STABLE AS
  $$ SELECT a.customer_id, a.street FROM address a WHERE a.city = wanted $$;
CREATE FUNCTION slug(text) RETURNS text LANGUAGE sql IMMUTABLE AS
  $$ SELECT lower(regexp_replace($1, '[^a-zA-Z0-9]+', '-', 'g')) $$;
