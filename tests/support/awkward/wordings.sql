-- Expressions of each place that has one, which PostgreSQL words otherwise once they are restored:
-- IN with varchar, BETWEEN and rows beside AND and OR.

SELECT current_setting('server_version_num')::int >= 140000 AS is_14,
    current_setting('server_version_num')::int >= 150000 AS is_15 \gset
CREATE SCHEMA wordings;
SET search_path = wordings;

CREATE DOMAIN short AS varchar(5) CHECK (VALUE IN ('a', 'b'));
CREATE TYPE pair AS (a varchar(3), b numeric(4, 1));

CREATE TABLE worded (
    id int PRIMARY KEY, s varchar(10) CHECK (s IN ('a', 'b')), t text, c char(3), n numeric, d date,
    p pair, x varchar GENERATED ALWAYS AS (CASE WHEN s IN ('a', 'b') THEN 'x' ELSE s END) STORED,
    CHECK (s BETWEEN 'a' AND 'b' AND n BETWEEN 1 AND 2 AND id <> 3),
    CHECK ((s, t) IN (('a', 'b'), ('b', 'd'), ('c', 'f'))),
    CHECK (s IN ('a', 'b') OR s IN (t, 'c') OR s NOT IN ('d', 'e')),
    CHECK ((p).a IN ('a', 'b') AND (p).b > 1),
    CHECK (s::text IN ('a', NULL) OR n IN (1, 2.5) OR c IN ('x', 'yy') OR d IN ('2020-01-01')),
    CHECK (array['a', s]::text[] && array['b', t] OR s LIKE ANY (array['a%', 'b%'])));
INSERT INTO worded (id, s, t, c, n, d, p) VALUES (1, 'a', 'b', 'x', 1.5, '2020-01-01', ('a', 2));
CREATE TABLE second (a int PRIMARY KEY, b short DEFAULT 'a', c varchar(5),
    EXCLUDE USING btree (a WITH =) WHERE (c IN ('a', 'b')));
CREATE TABLE inheriting (extra varchar(5) CHECK (extra IN ('a', 'b'))) INHERITS (second);

CREATE INDEX ON worded (lower(s)) WHERE s IN ('a', 'b') AND (n > 1 AND n BETWEEN 1 AND 2);
CREATE INDEX ON worded ((CASE WHEN s IN ('a', 'b') THEN 1 ELSE 0 END), (s BETWEEN 'a' AND 'c'));
\if :is_14
CREATE STATISTICS worded_statistics ON (s IN ('a', 'b')), (n + 1) FROM worded;
\endif

CREATE VIEW listed AS SELECT *, s NOT IN ('a', 'b') AS other FROM worded
    WHERE s IN ('a', 'b') AND (id BETWEEN 1 AND 3 OR n BETWEEN 2 AND 4)
        AND NOT (t BETWEEN 'c' AND 'd') AND id NOT BETWEEN 3 AND 4;
CREATE VIEW joined AS SELECT w.id, v.q FROM worded w
    LEFT JOIN second ON w.id = second.a AND second.c IN ('p', 'q')
    JOIN (VALUES ('a'::varchar, 1), ('b', 2)) v (p, q) ON v.p = w.s
    WHERE (w.s, w.c) IN (('a', 'x'), ('c', 'd')) OR (id, n) IN (SELECT a, a FROM second);
CREATE MATERIALIZED VIEW counted AS SELECT s, count(*) FILTER (WHERE s IN ('a', 'b')) FROM worded
    GROUP BY s HAVING max(s) IN ('a', 'b');

\if :is_14
CREATE FUNCTION standard(a varchar DEFAULT 'x') RETURNS int LANGUAGE SQL BEGIN ATOMIC
    SELECT 1 WHERE a IN ('x', 'y') AND (a BETWEEN 'x' AND 'y' AND a <> 'z');
    SELECT id FROM worded WHERE s IN ('a', 'b');
END;
CREATE FUNCTION is_listed(a varchar) RETURNS boolean LANGUAGE SQL RETURN a IN ('p', 'q');
\endif
CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
CREATE TRIGGER touched BEFORE UPDATE OF s ON worded FOR EACH ROW
    WHEN (new.s IN ('a', 'b') AND old.c IS DISTINCT FROM new.c) EXECUTE FUNCTION nothing();
CREATE POLICY seen ON worded USING (s IN ('a', 'b') AND current_user = 'x')
    WITH CHECK (s BETWEEN 'a' AND 'b' AND t IN ('x'));
CREATE RULE forwarded AS ON INSERT TO second WHERE new.c IN ('a', 'b')
    DO ALSO UPDATE worded SET c = 'y' WHERE s IN ('a', 'b') AND id = new.a;
\if :is_15
CREATE PUBLICATION worded FOR TABLE worded WHERE (id BETWEEN 1 AND 2 AND n > 1);
\endif
