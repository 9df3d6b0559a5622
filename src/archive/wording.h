#pragma once

/* One wording for definitions that PostgreSQL words in two ways. It prints what it has parsed, and
 * what it has parsed from that, it prints otherwise in two places (up to version 18, ruleutils.c):
 *
 *     (ARRAY['a'::varchar, 'b'::varchar])::text[]    of x IN ('a', 'b') with x a varchar
 *     ARRAY[('a'::varchar)::text, ('b'::varchar)::text]
 *
 *     (((a AND b) AND c) AND d)                      of BETWEEN, and of IN with rows
 *     (a AND b AND c AND d)                          likewise with OR
 *
 * A restored copy has the second of each, and keeps it. The normal wording is the second where the
 * text alone tells that it means the same, so that most definitions and those of their copies are
 * the same text, and different ones never are; nothing else is changed. */

#include <stddef.h>

/* Longer texts, which are function bodies, stay as they are. */
#define WORDING_MAX ((size_t)256 << 10)

/* The normal wording of a definition, SQL as pg_dump writes it; NULL where that is the text itself.
 * Caller frees. */
char *wording_normal(const char *text, size_t size);

/* For a definition and that of its copy alone: all that a copy may have otherwise is left out,
 * which different definitions may share. In ARRAY[e, f] only the server knows whether a column, a
 * call or an expression is an array itself, which becomes (e)::t[] where others become (e)::t; both
 * are (e)::t here. NULL and memory likewise. */
char *wording_loose(const char *text, size_t size);

/* Of a table that inherits, with its columns sorted by their names and what is behind those: where
 * they stand is not what a dump can say. NULL for anything else. Caller frees. */
char *wording_by_name(const char *text, size_t size);
