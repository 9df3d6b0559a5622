"""The databases that the bench dumps: one that looks like life, one of empty tables, and rows of
one length each."""

import sys


def narrow(cluster, database, rows):
    """Numbers, as in pgbench's accounts or in measurements: about 45 bytes a row."""
    cluster.sql(f"""
        CREATE TABLE readings AS
        SELECT i AS id, i % 5003 AS sensor, '2026-01-01'::timestamptz + i * interval '7 s' AS at,
               (20 + 8 * sin(i / 700.0) + hashint4(i) % 100 / 50.0)::numeric(8, 3) AS value,
               hashint4(i) % 7 = 0 AS flag
        FROM generate_series(1, {rows}) i;
        ALTER TABLE readings ADD PRIMARY KEY (id)""", database, timeout=3600)


def wide(cluster, database, rows):
    """Text and JSON as applications store them: about 700 bytes a row."""
    cluster.sql(f"""
        CREATE TABLE words AS
        SELECT i, substr(md5(i::text), 1, 3 + i % 8) AS word FROM generate_series(0, 4095) i;
        CREATE TABLE events AS
        SELECT i AS id, gen_random_uuid() AS token, 'customer ' || i % 9973 AS name,
               (SELECT string_agg(word, ' ' ORDER BY n) FROM generate_series(1, 60) n
                JOIN words w ON w.i = (hashint8(i * 31 + n) & 4095)) AS note,
               jsonb_build_object('type', (ARRAY['click', 'view', 'order'])[i % 3 + 1],
                   'path', '/shop/' || i % 311 || '/item', 'ms', hashint8(i) % 5000,
                   'agent', 'Mozilla/5.0 (X11; Linux x86_64; rv:1' || i % 30 || '.0)',
                   'tags', jsonb_build_array(i % 17, 'tag' || i % 53, NULL)) AS extra
        FROM generate_series(1, {rows}::bigint) i;
        ALTER TABLE events ADD PRIMARY KEY (id); CREATE INDEX ON events (name)""",
                database, timeout=3600)


def bytea(cluster, database, rows):
    """Pictures, which do not compress, though their text does: 8 KiB a row, twice that as text."""
    cluster.sql(f"""
        CREATE TABLE pictures (id int PRIMARY KEY, image bytea);
        ALTER TABLE pictures ALTER image SET STORAGE EXTERNAL;
        INSERT INTO pictures
        SELECT i, (SELECT decode(string_agg(md5((i * 1000 + j)::text), ''), 'hex')
                   FROM generate_series(1, 512) j)
        FROM generate_series(1, {rows}) i""", database, timeout=3600)


def large_objects(cluster, database, count):
    """Of 200 KiB each, half of which compresses."""
    cluster.sql(f"""
        SELECT count(lo_from_bytea(0, decode(noise || repeat(i::text, 102400 / length(i::text)),
                                             'escape')))
        FROM generate_series(1, {count}) i,
             (SELECT string_agg(md5(j::text), '') AS noise FROM generate_series(1, 3200) j) n""",
                database, timeout=3600)


def small_tables(cluster, database, count, rows):
    cluster.sql(rf"""
        SELECT format('CREATE TABLE small_%s AS SELECT i AS id, md5(i::text) AS name, now() AS at
                       FROM generate_series(1, {rows}) i', n)
        FROM generate_series(1, {count}) n \gexec""", database, timeout=3600)


def make_life(cluster, mib):
    """About so many MiB in a dump: a third each of text and numbers, the rest binary."""
    database = cluster.create("life")
    wide(cluster, database, mib * 470)
    narrow(cluster, database, mib * 7500)
    bytea(cluster, database, mib * 12)
    large_objects(cluster, database, max(mib * 9 // 10, 1))
    small_tables(cluster, database, 200, max(mib // 2, 1))
    return settle(cluster, database)


def make_empty(cluster, tables):
    database = cluster.create("empty")
    cluster.sql(rf"""
        SELECT format('CREATE TABLE empty_%s (id bigint PRIMARY KEY, name text, at timestamptz)', n)
        FROM generate_series(1, {tables}) n \gexec""", database, timeout=3600)
    return settle(cluster, database)


def make_rows(cluster, length, mib):
    """One table of rows of that length, in COPY text."""
    database = cluster.create(f"rows {length}")
    cluster.sql(f"""
        CREATE TABLE t AS
        SELECT rpad(md5(i::text), {length - 1}, md5((i % 1009)::text)) AS t
        FROM generate_series(1, {mib} * 1048576::bigint / {length}) i""", database, timeout=3600)
    return settle(cluster, database)


def settle(cluster, database):
    """What the server would do later is done now, and not while something is measured."""
    cluster.sql("VACUUM FREEZE ANALYZE; CHECKPOINT", database, timeout=3600)
    size = cluster.sql("SELECT pg_size_pretty(pg_database_size(current_database()))", database)
    print(f"made {database!r}: {size}", file=sys.stderr)
    return database
