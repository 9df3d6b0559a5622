-- Large objects of 0 bytes, around the sizes of pages (2 KiB) and pg_dump's chunks (16 KiB), and
-- one of :large_object_mib MiB, and bytea of the same (of the last only where :copy_all); rows of
-- megabytes, one of :row_mib MiB, in one field.
SELECT lo_from_bytea(0, '');
SELECT lo_from_bytea(0, decode(repeat('5c2e0a0d00ff27', size / 7 + 1), 'hex') || int4send(size))
FROM unnest(ARRAY[1, 2047, 2048, 2049, 16383, 16384, 16385, 100000, 600000]) size;
SELECT lo_create(0);
-- With a hole in it, which is read as zeroes.
SELECT lo_from_bytea(4200000000, 'start'), lo_put(4200000000, 300000, 'end');
-- Oids from 2^31 on are negative in an archive.
SELECT lo_from_bytea(4000000000, 'almost the last');
COMMENT ON LARGE OBJECT 4000000000 IS E'a\n-- Name: BLOB; Type: BLOB';
GRANT SELECT ON LARGE OBJECT 4000000000 TO reader;
ALTER LARGE OBJECT 4000000000 OWNER TO "an; owner";

SELECT string_agg(md5(i::text), '') AS half_mib FROM generate_series(1, 16384) i \gset
SELECT lo_create(3000000000);
SELECT count(lo_put(3000000000, (i - 1) * 1048576, int4send(i) || substr(noise, 5)))
FROM generate_series(1, :large_object_mib) i, decode(repeat(:'half_mib', 4), 'hex') noise;

CREATE TABLE wide (id int, value text, b bytea);
ALTER TABLE wide ALTER value SET STORAGE EXTERNAL;
INSERT INTO wide
SELECT mib, (SELECT string_agg(:'half_mib' || to_char(i, '0000000') || right(:'half_mib', -8), '')
             FROM generate_series(1, mib) i), '\x00'
FROM unnest(ARRAY[1, 0, 2, :row_mib]) mib;

CREATE TABLE bytes (o oid, b bytea);
ALTER TABLE bytes ALTER b SET STORAGE EXTERNAL;
INSERT INTO bytes
SELECT oid, lo_get(oid) FROM pg_largeobject_metadata WHERE :copy_all OR oid <> 3000000000;
