-- People's data for tests. Person 1 carries the canaries of src/canary.rs; the others are made up by number.
CREATE TABLE customers (
  id bigint PRIMARY KEY,
  full_name text NOT NULL,
  email text NOT NULL UNIQUE,
  phone text,
  birth_date date,
  iban text,
  card_number text,
  national_id text,
  segment text NOT NULL DEFAULT 'standard',
  created_at timestamptz NOT NULL DEFAULT '2026-01-01 00:00:00+00'
);
INSERT INTO customers VALUES
 (1, 'Quorraline Zyxwell', 'quorraline.zyxwell@zymail.example', '+1 555 013 7742', '1961-07-23',
  'DE89370400440532013000', '4929771331770046', '078-05-1120', 'premium');
INSERT INTO customers (id, full_name, email, phone, birth_date, iban, card_number, national_id, segment)
SELECT g, (ARRAY['Anna','Boris','Carla','Dmitri','Elena'])[1 + g % 5] || ' ' || (ARRAY['Novak','Silva','Weber','Rossi'])[1 + g % 4],
       'person' || g || '@mail' || g % 7 || '.example', '+1 555 01' || lpad(g::text, 2, '0') || ' 12' || lpad((g % 100)::text, 2, '0'),
       date '1950-01-01' + g * 37, 'DE0212030000000' || lpad(g::text, 7, '0'),
       '45399' || lpad(g::text, 11, '0'), lpad((g % 600 + 100)::text, 3, '0') || '-12-' || lpad(g::text, 4, '0'),
       (ARRAY['standard','premium','trial'])[1 + g % 3]
FROM generate_series(2, 200) g;

CREATE TABLE products (id int PRIMARY KEY, sku text NOT NULL, price numeric(10,2) NOT NULL);
INSERT INTO products SELECT g, 'SKU-' || g, g * 1.25 FROM generate_series(1, 100) g;

CREATE TABLE orders (
  id bigint PRIMARY KEY,
  customer_id bigint NOT NULL REFERENCES customers,
  product_id int NOT NULL REFERENCES products,
  quantity int NOT NULL,
  status text NOT NULL,
  placed_at timestamptz NOT NULL
);
INSERT INTO orders SELECT g, 1 + g % 200, 1 + g % 100, 1 + g % 5, (ARRAY['open','paid','sent'])[1 + g % 3],
       timestamptz '2026-01-01 00:00:00+00' + g * interval '1 hour' FROM generate_series(1, 2000) g;
CREATE INDEX orders_by_customer ON orders (customer_id);

CREATE TABLE api_keys (id int PRIMARY KEY, customer_id bigint REFERENCES customers, token text NOT NULL);
INSERT INTO api_keys VALUES (1, 1, 'sk_live_QZ7x9canaryTOKEN0042aa51');
INSERT INTO api_keys SELECT g, g, 'sk_live_' || md5(g::text) FROM generate_series(2, 50) g;

CREATE VIEW customer_mail AS SELECT id, email, segment FROM customers;
CREATE VIEW order_totals AS
  SELECT o.id, o.customer_id, o.quantity * p.price AS total FROM orders o JOIN products p ON p.id = o.product_id;

-- Targets of writes.
CREATE TABLE scratch (id int PRIMARY KEY, note text);
INSERT INTO scratch SELECT g, 'n' || g FROM generate_series(1, 20) g;
