-- Names and contents that look like something else to whoever reads a dump without a parser.
SET search_path = public;

CREATE SCHEMA "A schema; Type: TABLE; Schema: -";
CREATE TABLE "A schema; Type: TABLE; Schema: -"."t; Type: TABLE DATA; Schema: public; Owner: x"
    ("c; d" int, "FROM stdin;" text);
INSERT INTO "A schema; Type: TABLE; Schema: -"."t; Type: TABLE DATA; Schema: public; Owner: x"
VALUES (1, 'one'), (2, 'two');
CREATE SCHEMA "sch.ema";
CREATE TABLE "sch.ema"."dotted.name" ("a.b" int);
INSERT INTO "sch.ema"."dotted.name" VALUES (1);
CREATE TABLE "a
new line (x) FROM stdin;
1
\." ("col
umn" int);
INSERT INTO "a
new line (x) FROM stdin;
1
\." VALUES (1), (2), (3);
CREATE TABLE "quote "" and ' and \ and $$ and $tag$" ("select" int, "it's" text, "a""b" text);
INSERT INTO "quote "" and ' and \ and $$ and $tag$" VALUES (1, 'x', 'y');
CREATE TABLE "-- comment" ("/* */" int);
INSERT INTO "-- comment" VALUES (1);
CREATE TABLE "COPY public.""-- comment"" (a) FROM stdin;" (a text);
INSERT INTO "COPY public.""-- comment"" (a) FROM stdin;" VALUES ('\.');
CREATE TABLE "Größe 漢字 🐘" ("straße" text);
INSERT INTO "Größe 漢字 🐘" VALUES ('Ä');
CREATE TABLE " " (" " int);
INSERT INTO " " VALUES (1);
CREATE TABLE "table" ("user" int);
INSERT INTO "table" VALUES (1);
CREATE TABLE "UPPER" (a int);
INSERT INTO "UPPER" VALUES (1);
CREATE TABLE upper (a int);
INSERT INTO upper VALUES (2);
SELECT format('CREATE TABLE %I (%I int)', repeat('long', 15) || '123', repeat('c', 63)) \gexec
CREATE SEQUENCE "seq'uence; ""x"" ', 5, false); --" START 77;
SELECT nextval(format('%I', 'seq''uence; "x" '', 5, false); --'));
CREATE SEQUENCE "a
sequence";
CREATE SEQUENCE "back\slash";
SELECT setval('"back\slash"', 5, false);
CREATE FUNCTION "fn; Type: FUNCTION"("in; out" int) RETURNS int LANGUAGE sql AS 'SELECT 1';

CREATE TABLE looks_like_sql (t text, b bytea);
INSERT INTO looks_like_sql (t) VALUES
    ('\.'), (E'\\.\n'), (E'\n\\.\n\n\n'), ('\\.'), ('\N'), ('\\N'), ('\restrict x'), ('\connect x'),
    ('$$'), ('$x$'), (''''), ('"'), ('E''\'), ('--'), ('/*'), ('*/'), (';'), ('COPY t FROM stdin;'),
    ('-- Name: x; Type: TABLE; Schema: public; Owner: postgres'),
    (E'--\n-- Name: x; Type: TABLE DATA; Schema: public; Owner: postgres\n--\n\n'),
    (E'COPY public.t (a) FROM stdin;\n1\n\\.\n\n'),
    ('SELECT pg_catalog.setval(''public.ticket'', 41, true);'),
    ('SELECT pg_catalog.lo_open(''16385'', 131072);'), ('PGDMP'),
    ('-- PostgreSQL database dump complete'), (E'--\n-- PostgreSQL database dump complete\n--\n\n'),
    (''), (E'\n'), (E'\t'), (E'\\'), (E'\\\\'), (E'\r'), (E'\r\n'), (' '), (NULL);

-- The same in definitions.
CREATE FUNCTION copies() RETURNS void LANGUAGE plpgsql AS $body$
BEGIN
    /* COPY public.looks_like_sql (t) FROM stdin;
never
\.
    */
    EXECUTE 'COPY x FROM stdin;';
    PERFORM $$
COPY public.looks_like_sql (t, b) FROM stdin;
not a row
\.

SELECT pg_catalog.setval('public.nothing', 1, true);
--
-- Name: nothing; Type: TABLE; Schema: public; Owner: nobody
--
$$;
END
$body$;
CREATE FUNCTION quotes() RETURNS text LANGUAGE sql
    AS E'SELECT ''\\''''; -- $$ COPY t FROM stdin;\n'';';
CREATE FUNCTION dollars() RETURNS text LANGUAGE sql AS $_$ SELECT '$$ $_' || $a1$ $a1$ $_$;
CREATE FUNCTION "a$b"("p$1" int) RETURNS int LANGUAGE sql AS 'SELECT 1 /* it''s "open */';
CREATE VIEW looks AS SELECT E'\\.\n' AS "a;b", 'COPY t FROM stdin;'::text AS "c
d", U&'\0441' AS u, B'101' AS b, X'1F' AS x, 1 - -1 AS minus, '$$' AS dollars;
ALTER TABLE looks_like_sql ALTER t SET DEFAULT E'it''s \\ ; $$\nCOPY t FROM stdin;\n';
COMMENT ON TABLE looks_like_sql IS E'-- one\n\\.\n/* COPY public.t (a) FROM stdin;\n1\n\\.\n';
COMMENT ON SCHEMA "A schema; Type: TABLE; Schema: -" IS $$it's; "so" -- $$;
