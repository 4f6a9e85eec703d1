-- Protected columns of every type that has masks, behind partitions, inheritance and views. Every protected
-- value carries a canary of src/canary.rs; `:seed` makes two databases that differ in nothing else.
CREATE TABLE vault (
  id int PRIMARY KEY, owner int NOT NULL, amount int NOT NULL,
  email varchar(80), code char(40), born date, seen timestamp, seen_at timestamptz, account bigint,
  salary numeric(14,2), device uuid, picture bytea, address inet, profile jsonb, aliases text[], note text
);
CREATE TABLE staff (id int, region text NOT NULL, email text, salary bigint, born date, PRIMARY KEY (id, region))
  PARTITION BY LIST (region);
CREATE TABLE staff_north PARTITION OF staff FOR VALUES IN ('north');
CREATE TABLE staff_south PARTITION OF staff FOR VALUES IN ('south');
CREATE TABLE contact (id int PRIMARY KEY, email text, phone text);
CREATE TABLE former_contact (fax text, PRIMARY KEY (id)) INHERITS (contact);
CREATE VIEW premium_mail AS SELECT id, email FROM customer_mail WHERE segment = 'premium';
CREATE VIEW opened_vault AS SELECT * FROM vault;
CREATE SEQUENCE spy_seq;
INSERT INTO vault (id, owner, amount, note) SELECT g, g % 4, g * 10, 'note ' || g FROM generate_series(1, 14) g;
INSERT INTO staff (id, region) SELECT g, CASE WHEN g % 2 = 0 THEN 'north' ELSE 'south' END FROM generate_series(1, 10) g;
INSERT INTO contact (id) SELECT g FROM generate_series(1, 6) g;
INSERT INTO former_contact (id) SELECT g FROM generate_series(7, 12) g;
CREATE FUNCTION open_door(int) RETURNS text STABLE LANGUAGE sql AS 'SELECT email FROM customers WHERE id = $1';
CREATE FUNCTION open_any(anyelement) RETURNS text STABLE LANGUAGE sql AS 'SELECT email FROM customers LIMIT 1';
