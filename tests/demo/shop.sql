-- A database that looks like somebody's: a shop with a catalogue, sales and staff. About 300,000
-- rows, and most kinds of objects that a dump has to carry. The same every time.
\set ON_ERROR_STOP on
SELECT setseed(0.42);

CREATE SCHEMA catalog;
CREATE SCHEMA sales;
CREATE SCHEMA hr;
CREATE SCHEMA web;

CREATE TYPE sales.status AS ENUM ('open', 'paid', 'shipped', 'returned');
CREATE DOMAIN catalog.price AS numeric(10, 2) CHECK (VALUE >= 0);

CREATE TABLE catalog.categories (
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE
);
INSERT INTO catalog.categories (name)
    SELECT unnest(ARRAY['Tea', 'Coffee', 'Crockery', 'Bücher', 'Gifts', 'Œuvres d''art', '書道']);

CREATE TABLE catalog.products (
    id int PRIMARY KEY,
    category int NOT NULL REFERENCES catalog.categories,
    name text NOT NULL,
    price catalog.price NOT NULL,
    price_with_tax numeric GENERATED ALWAYS AS (round(price * 1.19, 2)) STORED,
    attributes jsonb NOT NULL,
    tags text[] NOT NULL DEFAULT '{}',
    photo oid
);
INSERT INTO catalog.products (id, category, name, price, attributes, tags)
    SELECT i, 1 + i % 7, 'Article ' || i, (random() * 200)::numeric(10, 2),
        jsonb_build_object('weight', i % 900, 'colour', (ARRAY['red', 'blue', NULL])[1 + i % 3],
            'stock', jsonb_build_array(i % 5, i % 11)),
        ARRAY['t' || i % 13, E'tab\tand \\N']
    FROM generate_series(1, 3000) AS i;
CREATE INDEX ON catalog.products USING gin (attributes);

-- Pictures, as large objects.
UPDATE catalog.products
    SET photo = lo_from_bytea(0, decode(repeat(md5(id::text), 40 + id), 'hex'))
    WHERE id <= 60;

CREATE TABLE sales.customers (
    id int PRIMARY KEY,
    name text NOT NULL,
    email text,
    joined date NOT NULL
);
INSERT INTO sales.customers
    SELECT i, (ARRAY['Ada', 'Błażej', 'Chloé', 'Đorđe', 'Eve'])[1 + i % 5] || ' ' || md5(i::text),
        CASE WHEN i % 9 > 0 THEN 'c' || i || '@example.org' END, date '2019-01-01' + i % 2500
    FROM generate_series(1, 25000) AS i;

CREATE TABLE sales.orders (
    id bigint NOT NULL,
    customer int NOT NULL REFERENCES sales.customers,
    placed timestamptz NOT NULL,
    status sales.status NOT NULL,
    note text
) PARTITION BY RANGE (placed);
CREATE TABLE sales.orders_2024 PARTITION OF sales.orders
    FOR VALUES FROM ('2024-01-01 00:00+00') TO ('2025-01-01 00:00+00');
CREATE TABLE sales.orders_2025 PARTITION OF sales.orders
    FOR VALUES FROM ('2025-01-01 00:00+00') TO ('2026-01-01 00:00+00');
CREATE TABLE sales.orders_other PARTITION OF sales.orders DEFAULT;
INSERT INTO sales.orders
    SELECT i, 1 + i % 25000, timestamptz '2024-01-01 00:00+00' + i * interval '11 minutes',
        ('{open,paid,shipped,returned}'::sales.status[])[1 + i % 4],
        CASE WHEN i % 50 = 0 THEN E'gift: "wrap"\nit\\' END
    FROM generate_series(1, 110000) AS i;
CREATE INDEX ON sales.orders (customer);

CREATE TABLE sales.lines (
    "order" bigint NOT NULL,
    position int NOT NULL,
    product int NOT NULL REFERENCES catalog.products,
    quantity int NOT NULL,
    PRIMARY KEY ("order", position)
);
INSERT INTO sales.lines
    SELECT 1 + i / 2, i % 2, 1 + i % 3000, 1 + i % 4 FROM generate_series(0, 139999) AS i;

CREATE TABLE hr.staff (
    id serial PRIMARY KEY,
    name text NOT NULL,
    manager int REFERENCES hr.staff,
    salary numeric NOT NULL
);
INSERT INTO hr.staff (name, manager, salary)
    SELECT 'Employee ' || i, NULLIF(i / 10, 0), 30000 + i FROM generate_series(1, 400) AS i;

CREATE TABLE web.events (at timestamptz NOT NULL, payload jsonb NOT NULL, raw bytea);
INSERT INTO web.events
    SELECT timestamptz '2026-01-01 00:00+00' + i * interval '1 minute',
        jsonb_build_object('path', '/p/' || i % 3000, 'ms', i % 700), decode(md5(i::text), 'hex')
    FROM generate_series(1, 25000) AS i;

CREATE VIEW sales.open_orders AS SELECT * FROM sales.orders WHERE status = 'open';
CREATE MATERIALIZED VIEW sales.revenue AS
    SELECT p.category, sum(l.quantity * p.price) AS total
    FROM sales.lines l JOIN catalog.products p ON p.id = l.product GROUP BY p.category;

CREATE FUNCTION sales.touch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.note := coalesce(NEW.note, 'touched');
    RETURN NEW;
END $$;
CREATE TRIGGER touch BEFORE UPDATE ON sales.orders FOR EACH ROW EXECUTE FUNCTION sales.touch();

COMMENT ON TABLE sales.orders IS 'One row for each order; "lines" has what was ordered';
ANALYZE;
