-- Every built-in type that can be stored, and what users make of them, with the values at their
-- edges. (pg_mcv_list and its like can be dumped, but not read back.)
SELECT current_setting('server_version_num')::int >= 140000 AS is_14,
    current_setting('server_version_num')::int >= 150000 AS is_15,
    current_setting('server_version_num')::int >= 170000 AS is_17 \gset
CREATE SCHEMA types;
SET search_path = types;

CREATE TYPE mood AS ENUM ('sad', 'ok', 'it''s "fine"', E'two\nlines', 'grün', '');
CREATE TYPE pair AS (a int, "B b" text);
CREATE TYPE nested AS (p pair, many pair[], m mood);
CREATE TYPE hollow AS ();
CREATE DOMAIN percent AS numeric(5, 2) DEFAULT 0 NOT NULL CHECK (VALUE BETWEEN 0 AND 100);
CREATE DOMAIN percents AS percent[] CHECK (cardinality(VALUE) < 10);
CREATE DOMAIN shape AS pair CHECK ((VALUE).a > 0);
CREATE TYPE spell AS RANGE (subtype = interval);

CREATE TABLE numbers (
    i2 smallint, i4 integer, i8 bigint, n numeric, n2 numeric(40, 20), n3 numeric(8, 0),
    f4 real, f8 double precision, m money, b boolean
);
INSERT INTO numbers VALUES
    (-32768, -2147483648, -9223372036854775808, 'NaN', 0.00000000000000000001, 12345678,
     'NaN', '-0', '-92233720368547758.08', true),
    (32767, 2147483647, 9223372036854775807, '1e-1000', -1, 0, 'Infinity', '-Infinity', 0, false),
    (0, 0, 0, '-0.10', 12345678901234567890.12345678901234567890, NULL, 1e-45,
     4.9406564584124654e-324, 0.01, NULL),
    (1, 1, 1, 10::numeric ^ 1000 + 0.1, 0, 0, 3.4028235e38, 1.7976931348623157e308, 1234.56, true),
    (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
\if :is_14
INSERT INTO numbers (n) VALUES ('Infinity'), ('-Infinity');
\endif
\if :is_15
CREATE TABLE scaled AS SELECT 12345678::numeric(3, -5) AS coarse, 0.00012::numeric(3, 5) AS fine;
\endif

CREATE TABLE texts (
    t text, v varchar(40), c char(12), n name, one "char", b bytea, fixed bit(9), loose bit varying
);
INSERT INTO texts VALUES
    ('', '', '', '', '', '', B'000000000', ''),
    (E'tab\tnewline\ncarriage return\rbackspace\bform feed\fvertical tab\vend', E'\\', E'a\t', 'n',
     'x', '\x000102090a0d5c7fff', B'101010101', B'1'),
    ('\N', '\.', '\n', '\t', '\', '\x5c2e', B'111111111', repeat('01', 300)::varbit),
    ('ünïcödé 漢字 🐘 ' || U&'\200F' || U&'\FEFF' || E'\u0301', 'ÿ', 'ß', 'ñame', E'\x7f',
     NULL, NULL, NULL),
    (E'\x01\x02\x1b[31m\x1f\x7f', ' leading', 'trailing   ', ' ', ' ', '\xdeadbeef', B'000000001',
     B'0000'),
    (repeat('x', 100000), repeat('é', 40), NULL, NULL, NULL, decode(repeat('00ff', 70000), 'hex'),
     NULL, NULL);

CREATE TABLE times (
    d date, t time, tz timetz(3), ts timestamp, tstz timestamptz, i interval,
    iy interval year to month
);
INSERT INTO times VALUES
    ('4713-01-01 BC', '00:00', '00:00+15:59', '4713-01-01 00:00:00 BC', '4714-11-24 00:00+00 BC',
     '-178000000 years', '-3 years -4 months'),
    ('5874897-12-31', '24:00', '23:59:59.999-15:59', '294276-12-31 23:59:59.999999',
     '294276-12-31 23:59:59.999999+00', '178000000 years 11 mons 30 days 23:59:59.999999', '0'),
    ('infinity', '12:34:56.789012', NULL, '-infinity', 'infinity', '1 mon -1 day +00:00:00.000001',
     NULL),
    ('2026-02-28', NULL, '12:00+05:45', '2026-03-29 02:30', '2026-03-29 02:30 Europe/Vienna', NULL,
     NULL);
\if :is_17
INSERT INTO times (i) VALUES ('infinity'), ('-infinity');
\endif

CREATE TABLE documents (j json, jb jsonb, jp jsonpath, x xml, v tsvector, q tsquery, u uuid);
INSERT INTO documents VALUES
    (E'{"a" : 1,\n "a":  "twice", "\\u0041": [ ]}', '{"b": null, "": {"n": 1e400}}',
     'strict $.a[*] ? (@ > 1 && @ like_regex "^\"")', '<a b="&lt;">x<!-- c --><![CDATA[ ]]> </a>',
     'a:1A,2B b:3C ''it''''s'':4 ''two words''', 'a & !b | (c <-> d:*AB)',
     '00000000-0000-0000-0000-000000000000'),
    ('"\u2028\\\""', '"\u00e9\\ud83d"', '$', E'one\n<two/>', '', 'a'::tsquery,
     'ffffffff-ffff-ffff-ffff-ffffffffffff'),
    ('[]', '[[[[]]]]', 'lax $[last]."key with \" quote"', '', NULL, NULL, NULL),
    (' 1 ', jsonb_build_object('big', repeat('json ', 50000)), NULL, NULL,
     to_tsvector('simple', 'the quick brown fox'), phraseto_tsquery('simple', 'quick fox'), NULL);

CREATE TABLE shapes (p point, l line, s lseg, b box, pa path, po polygon, c circle);
INSERT INTO shapes VALUES
    ('(NaN,Infinity)', '{1,-1,0}', '[(0,0),(1,1)]', '(1,1),(0,0)', '[(0,0),(1,0)]',
     '((0,0),(1,0),(1,1))', '<(0,0),0>'),
    ('(1e-300,-1e300)', '{0,1,2.5}', NULL, NULL, '((0,0),(1,0))', '((0,0))', '<(1.5,-2),3>');

CREATE TABLE networks (i inet, c cidr, m macaddr, m8 macaddr8);
INSERT INTO networks VALUES
    ('10.1.2.3/8', '10.0.0.0/8', '08:00:2b:01:02:03', '08:00:2b:01:02:03:04:05'),
    ('::ffff:1.2.3.4/128', '2001:db8::/32', 'ff:ff:ff:ff:ff:ff', NULL), ('::', '::/0', NULL, NULL);

CREATE TABLE internals (
    o oid, rc regclass, rp regprocedure, ro regoperator, rt regtype, rr regrole, rn regnamespace,
    rcoll regcollation, rcfg regconfig, rd regdictionary, x xid, x8 xid8, c cid, t tid, lsn pg_lsn,
    s pg_snapshot, txs txid_snapshot, i2v int2vector, ov oidvector, rfc refcursor, acl aclitem[]
);
INSERT INTO internals VALUES
    (4294967295, 'pg_class', 'now()', '+(integer,integer)', 'timestamptz', 'postgres', 'pg_catalog',
     '"C"', 'simple', 'simple', '4294967295', '18446744073709551615', '4294967295',
     '(4294967295,65535)', 'FFFFFFFF/FFFFFFFF', '10:20:10,14,15', '10:20:10,14,15', '1 -2 3',
     '1 2 4294967295', 'cursor',
     '{postgres=r*w/postgres,=X/postgres}'),
    (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, '0', '0', '0', '(0,0)', '0/0', '1:1:', '1:1:', '', '', '', '{}');

CREATE TABLE arrays (
    i int[], i2 int[3][2], t text[], n numeric[], b bytea[], j jsonb[], m mood[], p pair[],
    d percents, tz timestamptz[], boxes box[]
);
INSERT INTO arrays VALUES
    ('{}', '{{1,2},{3,4},{5,6}}', ARRAY['', 'NULL', NULL, '{', '"', '\', E'\n', ',', ' '],
     '{NaN,1.0,-1e100}', ARRAY['\x00'::bytea, ''], ARRAY['{"a": [1]}'::jsonb, NULL],
     '{sad,"it''s \"fine\""}', ARRAY[ROW(1, 'a,b')::pair, NULL, ROW(NULL, NULL)::pair], '{1,100}',
     '{infinity,"2026-01-01 00:00+00"}', '{(1,1),(0,0);(2,2),(1,1)}'),
    ('[-2:0]={1,NULL,3}', '{}', '{{a,b},{c,d}}', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);

CREATE TABLE composites (p pair, n nested, h hollow, d shape, pc percent, m mood, big bigint[]);
INSERT INTO composites VALUES
    (ROW(1, E'a "quoted", (bracketed)\n\\text')::pair,
     ROW(ROW(1, '')::pair, ARRAY[ROW(2, 'x')::pair], 'grün')::nested, ROW(), ROW(1, NULL), 99.99,
     E'two\nlines', '{1}'),
    (ROW(NULL, NULL), NULL, NULL, NULL, 0, '', NULL);

CREATE TABLE ranges (
    r4 int4range, r8 int8range, rn numrange, rts tsrange, rtz tstzrange, rd daterange, s spell,
    many int4range[]
);
INSERT INTO ranges VALUES
    ('empty', '(,)', '[0,NaN]', '[-infinity,infinity]', '(,2026-01-01 00:00+00]', '[2026-01-01,]',
     '["1 day","2 days")', '{"[1,2)",empty}'),
    (NULL, '[-9223372036854775808,9223372036854775807)', '(1.5,1.75)', NULL, NULL, NULL, 'empty',
     NULL);
\if :is_14
CREATE TYPE fit AS RANGE (subtype = interval, multirange_type_name = fits);
CREATE TABLE multiranges (
    m4 int4multirange, m8 int8multirange, mn nummultirange, mts tsmultirange, mtz tstzmultirange,
    md datemultirange, mf fits
);
INSERT INTO multiranges VALUES
    ('{[1,2),[5,)}', '{}', '{(,0),(0,)}', '{[2026-01-01,2026-01-02)}', '{}',
     '{[2026-01-01,infinity]}', '{["1 day","2 days"),[1 year,)}'),
    (NULL, NULL, NULL, NULL, NULL, NULL, NULL);
\endif
