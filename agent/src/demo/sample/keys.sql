-- What makes the rows a database: keys, indexes, sequences that go on after the last row, views, rights.
ALTER TABLE public.customers ADD PRIMARY KEY (id), ADD UNIQUE (email);
ALTER TABLE public.products ADD PRIMARY KEY (id), ADD UNIQUE (sku);
ALTER TABLE public.orders ADD PRIMARY KEY (id);
ALTER TABLE public.order_items ADD PRIMARY KEY (order_id, line);
ALTER TABLE public.payments ADD PRIMARY KEY (id);
ALTER TABLE public.api_keys ADD PRIMARY KEY (id);
ALTER TABLE public.support_tickets ADD PRIMARY KEY (id);
ALTER TABLE public.document_embeddings ADD PRIMARY KEY (id);
ALTER TABLE confidential.salaries ADD PRIMARY KEY (employee_id);
ALTER TABLE confidential.board_minutes ADD PRIMARY KEY (id);

ALTER TABLE public.orders
    ADD FOREIGN KEY (customer_id) REFERENCES public.customers,
    ADD CHECK (status IN ('open', 'shipped', 'delivered', 'returned', 'cancelled'));
ALTER TABLE public.order_items
    ADD FOREIGN KEY (order_id) REFERENCES public.orders ON DELETE CASCADE,
    ADD FOREIGN KEY (product_id) REFERENCES public.products,
    ADD CHECK (quantity > 0);
ALTER TABLE public.payments ADD FOREIGN KEY (order_id) REFERENCES public.orders;
ALTER TABLE public.api_keys ADD FOREIGN KEY (customer_id) REFERENCES public.customers;
ALTER TABLE public.support_tickets ADD FOREIGN KEY (customer_id) REFERENCES public.customers;
ALTER TABLE public.document_embeddings ADD FOREIGN KEY (ticket_id) REFERENCES public.support_tickets;

CREATE INDEX orders_customer_id_idx ON public.orders (customer_id);
CREATE INDEX orders_created_at_idx ON public.orders (created_at);
CREATE INDEX payments_order_id_idx ON public.payments (order_id);
CREATE INDEX support_tickets_customer_id_idx ON public.support_tickets (customer_id);
CREATE INDEX customers_country_city_idx ON public.customers (country, city);

SELECT setval(pg_get_serial_sequence('public.customers', 'id'), (SELECT max(id) FROM public.customers)),
       setval(pg_get_serial_sequence('public.products', 'id'), (SELECT max(id) FROM public.products)),
       setval(pg_get_serial_sequence('public.orders', 'id'), (SELECT max(id) FROM public.orders)),
       setval(pg_get_serial_sequence('public.payments', 'id'), (SELECT max(id) FROM public.payments)),
       setval(pg_get_serial_sequence('public.api_keys', 'id'), (SELECT max(id) FROM public.api_keys)),
       setval(pg_get_serial_sequence('public.support_tickets', 'id'), (SELECT max(id) FROM public.support_tickets)),
       setval(pg_get_serial_sequence('public.document_embeddings', 'id'), (SELECT max(id) FROM public.document_embeddings)),
       setval(pg_get_serial_sequence('confidential.salaries', 'employee_id'), (SELECT max(employee_id) FROM confidential.salaries)),
       setval(pg_get_serial_sequence('confidential.board_minutes', 'id'), (SELECT max(id) FROM confidential.board_minutes));

CREATE VIEW public.customer_overview AS
    SELECT id, full_name, email, country, city, vip, created_at FROM public.customers;
CREATE VIEW public.daily_revenue AS
    SELECT created_at::date AS day, count(*) AS orders, sum(total) AS revenue
    FROM public.orders WHERE status <> 'cancelled' GROUP BY created_at::date;
COMMENT ON VIEW public.daily_revenue IS 'Orders and money by day; nothing in it names a person';

-- What the agent logs in as: it reads and writes rows, owns nothing and changes no schema.
GRANT USAGE ON SCHEMA public, confidential TO connect_agent;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public, confidential TO connect_agent;
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public, confidential TO connect_agent;
