#pragma once

/* KEY=VALUE files in the syntax of systemd's EnvironmentFile= (systemd.exec(5)): empty lines and
 * lines that begin with # or ; are skipped; white space around the line is dropped; a value may be
 * in single or double quotes, with backslash escapes inside double quotes, and a backslash at the
 * end of a line continues it. No variables are expanded. What systemd and docker compose read
 * differently (" #" in an unquoted value, text behind a closing quote) is refused, as is a line
 * without "="; otherwise a file that docker compose reads as .env works unless it uses ${…}. */

#include "sys/strv.h"

#include <stddef.h>

typedef struct ConfEntry {
    char *key;
    char *value;
    unsigned line; /* of the key, from 1 */
} ConfEntry;

typedef struct ConfFile {
    ConfEntry *entries;
    size_t count;
} ConfFile;

/* Parses text; each syntax error is appended to `problems` as "NAME:LINE: sentence", and parsing
 * goes on. */
void conf_file_parse(const char *text, const char *name, ConfFile *ret, Strv *problems);
void conf_file_done(ConfFile *f); /* wipes the values */
#define _cleanup_conf_file_ _cleanup_(conf_file_done)
