-- Plain projections of protected columns: answered, and masked.
SELECT email FROM customers WHERE id = 1
;
SELECT * FROM customers WHERE id = 1
;
SELECT c.* FROM customers c WHERE c.id = 1
;
SELECT id, full_name AS segment, email AS id2 FROM customers WHERE id IN (1, 2)
;
SELECT email, email, phone FROM customers WHERE id = 1
;
SELECT token FROM api_keys WHERE id = 1
;
SELECT birth_date, iban, card_number, national_id FROM customers WHERE id = 1
;
SELECT o.id, c.email FROM orders o JOIN customers c ON c.id = o.customer_id WHERE c.id = 1
;
SELECT c.full_name, p.sku FROM customers c JOIN orders o ON o.customer_id = c.id JOIN products p ON p.id = o.product_id WHERE c.id = 1 ORDER BY o.id LIMIT 5
;
TABLE customers
