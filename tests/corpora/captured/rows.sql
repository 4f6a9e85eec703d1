-- A few rows in every table of schema.sql, so that what is asked finds something.
INSERT INTO customer (email, full_name, phone, birth_date, settings, referrer_id)
  SELECT 'person' || i || '@mail.example.org', 'Ana Weber ' || i, '+49 170 555' || lpad(i::text, 4, '0'),
    date '1980-01-01' + i * 97, '{"theme": "dark"}', CASE WHEN i > 3 THEN i / 3 END FROM generate_series(1, 40) AS i;
INSERT INTO address (customer_id, street, city, postcode, is_default)
  SELECT i, 'Lindenallee ' || i, 'Bremen', '28' || lpad(i::text, 3, '0'), i % 2 = 0 FROM generate_series(1, 40) AS i;
INSERT INTO category (parent_id, name, slug) VALUES (NULL, 'Tools', 'tools'), (1, 'Saws', 'saws'), (1, 'Drills', 'drills');
INSERT INTO product (sku, name, description, price, cost, category_id, labels, attributes)
  SELECT 'A-' || i, 'Saw ' || i, 'Cuts wood', 10 + i, 5 + i, 1 + i % 3, ARRAY['new'], '{"colour": "red", "weight": 3}'
  FROM generate_series(1, 30) AS i;
INSERT INTO warehouse (name, city) VALUES ('north', 'Bremen'), ('south', 'Ulm');
INSERT INTO stock (product_id, warehouse_id, quantity) SELECT p.id, w.id, 50 FROM product p, warehouse w;
INSERT INTO orders (customer_id, address_id, status, placed_at, total, note, coupon_code)
  SELECT 1 + i % 40, 1 + i % 40, CASE WHEN i % 3 = 0 THEN 'paid' ELSE 'open' END,
    timestamptz '2026-01-01 10:00+00' + i * interval '5 hours', i, 'ring twice', 'SPRING' FROM generate_series(1, 90) AS i;
INSERT INTO order_line (order_id, line_no, product_id, quantity, unit_price)
  SELECT o.id, n, 1 + (o.id + n) % 30, 2, 12.5 FROM orders o, generate_series(1, 2) AS n;
INSERT INTO payment (order_id, method, amount, paid_at, reference)
  SELECT id, 'transfer', total, placed_at, 'RF' || id FROM orders WHERE status = 'paid';
INSERT INTO review (product_id, customer_id, rating, title, body)
  SELECT 1 + i % 30, 1 + i % 40, 1 + i % 5, 'Good', 'Does what it should' FROM generate_series(1, 60) AS i;
INSERT INTO department (name, budget) VALUES ('Sales', 100000), ('Works', 200000);
INSERT INTO employee (name, title, department_id, manager_id, salary)
  SELECT 'Bo Larsen ' || i, 'Clerk', 1 + i % 2, CASE WHEN i > 1 THEN 1 END, 3000 + i FROM generate_series(1, 12) AS i;
INSERT INTO tag (label) VALUES ('sale'), ('heavy');
INSERT INTO product_tag SELECT id, 1 + id % 2 FROM product;
INSERT INTO event SELECT i, timestamptz '2025-12-01 00:00+00' + i * interval '1 day', 'visit', '{"path": "/"}', 1 + i % 40
  FROM generate_series(1, 60) AS i;
INSERT INTO invoice (order_id, number, due_on, amount) SELECT id, 'I' || id, date '2026-03-01', ROW (total, 'EUR')::priced FROM orders;
INSERT INTO reservation (room, guest, during) VALUES (1, 'Ana', '[2026-01-01, 2026-01-03)'), (2, 'Bo', '[2026-02-01, 2026-02-02)');
INSERT INTO audit.entry (actor, relation, row_id, before, after) VALUES ('ana', 'orders', 1, '{}', '{"status": "paid"}');
REFRESH MATERIALIZED VIEW monthly_revenue;
