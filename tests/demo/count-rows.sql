-- One line for each table, with its rows counted exactly, and one for what is no table.
SELECT format('%I.%I', n.nspname, c.relname),
    (xpath('/row/n/text()', query_to_xml(
        format('SELECT count(*) AS n FROM %I.%I', n.nspname, c.relname), false, true, '')))[1]
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'm') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
UNION ALL
SELECT 'large objects', count(*)::text::xml FROM pg_largeobject_metadata
ORDER BY 1
