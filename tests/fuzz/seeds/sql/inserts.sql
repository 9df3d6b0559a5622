
--
-- PostgreSQL database dump
--

\restrict key

-- Dumped from database version 15.18 (Debian 15.18-0+deb12u1)
-- Dumped by pg_dump version 15.18 (Debian 15.18-0+deb12u1)

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: we;ird; Type: SCHEMA; Schema: -; Owner: postgres
--

CREATE SCHEMA "we;ird";


ALTER SCHEMA "we;ird" OWNER TO postgres;

--
-- Name: f1(); Type: FUNCTION; Schema: public; Owner: postgres
--

CREATE FUNCTION public.f1() RETURNS text
    LANGUAGE sql
    AS $_$ SELECT 'a;$$ -- COPY x FROM stdin;' $_$;


ALTER FUNCTION public.f1() OWNER TO postgres;

--
-- Name: f3(integer); Type: FUNCTION; Schema: public; Owner: postgres
--

CREATE FUNCTION public.f3(a integer) RETURNS integer
    LANGUAGE sql
    BEGIN ATOMIC
 SELECT
         CASE
             WHEN (a > 1) THEN 2
             ELSE 3
         END AS "case";
 SELECT 4;
END;


ALTER FUNCTION public.f3(a integer) OWNER TO postgres;

--
-- Name: counter; Type: SEQUENCE; Schema: public; Owner: postgres
--

CREATE SEQUENCE public.counter
    START WITH 5
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


ALTER TABLE public.counter OWNER TO postgres;

SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: orders; Type: TABLE; Schema: public; Owner: postgres
--

CREATE TABLE public.orders (
    id integer NOT NULL,
    name text DEFAULT 'it''s; $$'::text,
    "Odd ""col""; FROM stdin;" text
);


ALTER TABLE public.orders OWNER TO postgres;

--
-- Name: TABLE orders; Type: COMMENT; Schema: public; Owner: postgres
--

COMMENT ON TABLE public.orders IS 'a\b -- '' $$ 
--
-- Name: f; Type: TABLE; Schema: -; Owner: x
--
';


--
-- Name: v; Type: VIEW; Schema: public; Owner: postgres
--

CREATE VIEW public.v AS
 SELECT 'x;''\'::text AS "a;b",
    '\n''	'::text AS c,
    1 AS "--";


ALTER TABLE public.v OWNER TO postgres;

--
-- Name: zero; Type: TABLE; Schema: public; Owner: postgres
--

CREATE TABLE public.zero (
);


ALTER TABLE public.zero OWNER TO postgres;

--
-- Name: Tab "le".x (a) FROM stdin; --; Type: TABLE; Schema: we;ird; Owner: postgres
--

CREATE TABLE "we;ird"."Tab ""le"".x (a) FROM stdin; --" (
    "a,b" text
);


ALTER TABLE "we;ird"."Tab ""le"".x (a) FROM stdin; --" OWNER TO postgres;

--
-- Name: s'eq", 1, true); --; Type: SEQUENCE; Schema: we;ird; Owner: postgres
--

CREATE SEQUENCE "we;ird"."s'eq"", 1, true); --"
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


ALTER TABLE "we;ird"."s'eq"", 1, true); --" OWNER TO postgres;

--
-- Name: 1000; Type: BLOB; Schema: -; Owner: postgres
--

SELECT pg_catalog.lo_create('1000');


ALTER LARGE OBJECT 1000 OWNER TO postgres;

--
-- Name: 1001; Type: BLOB; Schema: -; Owner: postgres
--

SELECT pg_catalog.lo_create('1001');


ALTER LARGE OBJECT 1001 OWNER TO postgres;

--
-- Data for Name: orders; Type: TABLE DATA; Schema: public; Owner: postgres
--

INSERT INTO public.orders VALUES (1, '\.
--	;', NULL);
INSERT INTO public.orders VALUES (2, 'COPY x (a) FROM stdin;', 'a\b''c');


--
-- Data for Name: zero; Type: TABLE DATA; Schema: public; Owner: postgres
--

INSERT INTO public.zero DEFAULT VALUES;


--
-- Data for Name: Tab "le".x (a) FROM stdin; --; Type: TABLE DATA; Schema: we;ird; Owner: postgres
--



--
-- Name: counter; Type: SEQUENCE SET; Schema: public; Owner: postgres
--

SELECT pg_catalog.setval('public.counter', 5, true);


--
-- Name: s'eq", 1, true); --; Type: SEQUENCE SET; Schema: we;ird; Owner: postgres
--

SELECT pg_catalog.setval('"we;ird"."s''eq"", 1, true); --"', 1, false);


--
-- Data for Name: BLOBS; Type: BLOBS; Schema: -; Owner: -
--

BEGIN;

SELECT pg_catalog.lo_open('1000', 131072);
SELECT pg_catalog.lo_close(0);

SELECT pg_catalog.lo_open('1001', 131072);
SELECT pg_catalog.lowrite(0, '\x68656c6c6f');
SELECT pg_catalog.lo_close(0);

COMMIT;

--
-- Name: orders orders_pkey; Type: CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.orders
    ADD CONSTRAINT orders_pkey PRIMARY KEY (id);


--
-- Name: v r; Type: RULE; Schema: public; Owner: postgres
--

CREATE RULE r AS
    ON INSERT TO public.v DO INSTEAD ( DELETE FROM public.zero;
 DELETE FROM public.orders;
);


--
-- PostgreSQL database dump complete
--

\unrestrict key

