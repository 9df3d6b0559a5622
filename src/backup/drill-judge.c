#include "backup/drill-judge.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "pg/cluster-log.h"
#include "sys/buf.h"
#include "sys/mem.h"
#include "sys/text.h"

#define MORE_SPACE "Give DRILL_DIR more space."
#define MORE_MEMORY "Give the drill more memory."
#define WHO_ENDED_IT "Look for what has ended it: the kernel's log has it."
#define WHO_ENDED_SERVER "Look for what has ended the throwaway server: the kernel's log has it."
#define EXTENSION "Install the extension's package where the drill runs."
#define PRELOAD "Install the libraries that the original preloads where the drill runs."
#define DICTIONARY "Install the file of the original where the drill runs."
#define LOCALE "Make the locale where the drill runs."
#define BUILD "Use PostgreSQL packages with all that the original's have."
#define GLOBALS "Back up the globals too (BACKUP_GLOBALS=yes), in the same run."
#define REMOTE                                                                                     \
    "The drill reaches no other server: what the backup takes from one cannot be made anew."

#define STOPPED "Do not stop the throwaway server."
#define TIME_LIMIT "Take away the limit in time that the database or a role sets."
#define DISKS "Look at the disks: the kernel's log has it."

/* Errors that come from outside the backup whatever their words are: resources, the administrator,
 * the system below, other servers. Whole states before their classes. */
static const struct {
    const char *state; /* SQLSTATE, or the beginning of some */
    const char *remedy;
} outside[] = {
    { "53100", MORE_SPACE },
    { "53200", MORE_MEMORY },
    { "53300", "Lower BACKUP_JOBS." },
    { "53", "Let the drill have more of what the message names." },
    { "57014", TIME_LIMIT },
    { "57P", STOPPED },
    { "58030", DISKS },
    { "58", "Let the drill have what the message names." },
    { "08", REMOTE },
};

/* Errors that code of the backup raises, a function that an index or a check calls, say: they may
 * be worded like any other. */
static const char *const raised[] = { "P0", "38" };

/* Of all others one state is common to what the backup is to blame for and what it is not: 42704 is
 * a type that is not there, and a collation of the system. Words tell them apart; client programs
 * and server run with messages in English. */
static const struct Excuse {
    const char *words[2]; /* all of them in one line, outside double quotes */
    const char *remedy;
    const char *quoted;                         /* and this within them */
    bool other_major, foreign_globals, mapping; /* only in such circumstances */
    bool unexplained;                           /* only when no error stands before it */
    bool also_raised;                           /* scripts of extensions raise it */
} excuses[] = {
    { .words = { "No space left on device" }, .remedy = MORE_SPACE },
    { .words = { "Disk quota exceeded" }, .remedy = MORE_SPACE },
    { .words = { "could not extend file" }, .remedy = MORE_SPACE },
    { .words = { "could not write to file" }, .remedy = "Look at the file system of DRILL_DIR." },
    { .words = { "Input/output error" }, .remedy = DISKS },
    { .words = { "Too many open files" }, .remedy = "Let the drill have more open files." },
    { .words = { "out of memory" }, .remedy = MORE_MEMORY },
    { .words = { "out of shared memory" }, .remedy = MORE_MEMORY },
    { .words = { "could not resize shared memory" }, .remedy = MORE_MEMORY },
    { .words = { "Cannot allocate memory" }, .remedy = MORE_MEMORY },
    { .words = { "could not fork" }, .remedy = "Let the drill have more processes." },
    { .words = { "could not create worker process" },
      .remedy = "Let the drill have more processes." },
    { .words = { "could not create communication channels" },
      .remedy = "Let the drill have more open files." },
    { .words = { "error while loading shared libraries" },
      .remedy = "Install PostgreSQL's client programs anew where the drill runs." },
    { .words = { "too many clients" }, .remedy = "Lower BACKUP_JOBS." },
    { .words = { "terminating connection" }, .remedy = STOPPED },
    { .words = { "the database system is" }, .remedy = STOPPED },
    { .words = { "canceling statement due to" }, .remedy = TIME_LIMIT },
    { .words = { "server closed the connection" }, .remedy = WHO_ENDED_SERVER },
    { .words = { "connection to server" }, .remedy = WHO_ENDED_SERVER },
    { .words = { "no connection to the server" }, .remedy = WHO_ENDED_SERVER },
    { .words = { "a worker process died unexpectedly" }, /* one that fails has said why */
      .remedy = WHO_ENDED_IT,
      .unexplained = true },
    { .words = { "could not connect to server" }, .remedy = REMOTE },        /* postgres_fdw */
    { .words = { "could not establish connection" }, .remedy = REMOTE },     /* dblink */
    { .words = { "could not open file", "for reading" }, .remedy = REMOTE }, /* file_fdw */
    { .words = { "could not open input file" },
      .remedy = "Let the user that restores read BACKUP_DIR." },
    { .words = { "Permission denied" },
      .remedy = "Let the user that restores reach what the message names." },
    { .words = { "extension ", "is not available" }, .remedy = EXTENSION },
    { .words = { "required extension ", "is not installed" }, .remedy = EXTENSION },
    { .words = { "extension ", "has no installation script nor update path" },
      .remedy = "Install the extension's version of the original where the drill runs." },
    { .words = { "could not open extension control file" }, .remedy = EXTENSION },
    { .words = { "must be loaded via" }, .remedy = PRELOAD, .also_raised = true },
    { .words = { "can only be loaded via" }, .remedy = PRELOAD, .also_raised = true },
    { .words = { "must be preloaded" }, .remedy = PRELOAD, .also_raised = true },
    { .words = { "could not access file" },
      .remedy = "Install the library that the message names where the drill runs." },
    { .words = { "could not load library" },
      .remedy = "Install the library that the message names where the drill runs." },
    { .words = { "could not find function", "in file" },
      .remedy = "Install the library's version of the original where the drill runs." },
    { .words = { "incompatible library" },
      .remedy = "Install the library's version of the original where the drill runs." },
    { .words = { "could not open stop-word file" }, .remedy = DICTIONARY },
    { .words = { "could not open dictionary file" }, .remedy = DICTIONARY },
    { .words = { "could not open affix file" }, .remedy = DICTIONARY },
    { .words = { "could not open synonym file" }, .remedy = DICTIONARY },
    { .words = { "could not open thesaurus file" }, .remedy = DICTIONARY },
    { .words = { "could not create locale" }, .remedy = LOCALE },
    { .words = { "invalid locale name" }, .remedy = LOCALE },
    /* Those of the system, which initdb finds, have this schema; a backup's own have others. */
    { .words = { "collation ", "does not exist" }, .quoted = "pg_catalog.", .remedy = LOCALE },
    { .words = { "could not open collator" }, .remedy = "Install the ICU of the original." },
    { .words = { "is not supported in this build" }, .remedy = BUILD },
    { .words = { "not supported by this build" }, .remedy = BUILD },
    { .words = { "compression method", "not supported" }, .remedy = BUILD },
    { .words = { "unsupported XML feature" }, .remedy = BUILD },
    { .words = { "this build does not support compression" }, .remedy = BUILD },
    { .words = { "does not support compression" }, .remedy = BUILD },
    { .words = { "unsupported version", "in file header" },
      .remedy = "Install the major version that made the backup." },
    { .words = { "role ", "does not exist" }, .remedy = GLOBALS, .foreign_globals = true },
    { .words = { "tablespace ", "does not exist" }, .remedy = GLOBALS, .foreign_globals = true },
    { .words = { "invalid value for parameter" },
      .quoted = "default_tablespace",
      .remedy = GLOBALS,
      .foreign_globals = true },
    { .words = { "invalid value for parameter" },
      .quoted = "default_tablespace",
      .remedy = "Install the newest minor release of the server programs: this one can make no "
                "tablespaces in the drill's own directory.",
      .mapping = true },
    { .words = { "" },
      .remedy = "Install the server programs of the major version that made the backup.",
      .other_major = true,
      .also_raised = true },
};

typedef struct Line {
    char *outside, *inside;        /* what is not in double quotes, and what is */
    bool explained;                /* by an error before it */
    char state[SQLSTATE_SIZE + 1]; /* "": it is no error of the server's, or nobody knows */
} Line;

/* pg_restore: error: could not execute query: ERROR:  … */
static void find_state(const char *text, const char *log, char ret[static SQLSTATE_SIZE + 1])
{
    static const char *const severities[] = { "ERROR:  ", "FATAL:  ", "PANIC:  " };

    for (size_t i = 0; log && i < ELEMENTSOF(severities); i++) {
        const char *error = strstr(text, severities[i]);
        if (error && cluster_log_find_state(log, error, ret))
            return;
    }
}

/* Names and values of the backup, which might sound like an excuse, stand in double quotes. */
static Line split_line(const char *text, const char *log, bool explained)
{
    Line line = { .explained = explained };
    Buf parts[2] = { { 0 }, { 0 } };
    size_t quoted = 0;

    for (const char *p = text; *p; p++) {
        if (*p == '"')
            quoted ^= 1;
        buf_add(&parts[quoted], p, 1);
    }
    find_state(text, log, line.state);
    line.outside = buf_take(&parts[0]);
    line.inside = buf_take(&parts[1]);
    return line;
}

static void line_done(Line *line)
{
    free(line->outside);
    free(line->inside);
}

static bool fits(const struct Excuse *e, const DrillCircumstances *c)
{
    return (!e->other_major || c->other_major) && (!e->foreign_globals || c->foreign_globals) &&
           (!e->mapping || c->without_mapping);
}

static bool has_state(const Line *line, const char *state)
{
    return strncmp(line->state, state, strlen(state)) == 0;
}

static bool is_raised(const Line *line)
{
    for (size_t i = 0; i < ELEMENTSOF(raised); i++)
        if (has_state(line, raised[i]))
            return true;
    return false;
}

static bool applies(const struct Excuse *e, const Line *line, const DrillCircumstances *c)
{
    if (!fits(e, c) || (e->unexplained && line->explained) || (!e->also_raised && is_raised(line)))
        return false;
    for (size_t i = 0; i < ELEMENTSOF(e->words); i++)
        if (e->words[i] && !strstr(line->outside, e->words[i]))
            return false;
    return !e->quoted || strstr(line->inside, e->quoted);
}

static bool contains_any(const char *line, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strstr(line, words[i]))
            return true;
    return false;
}

/* What follows is the backup's own, line by line until the program itself speaks again. */
static bool begins_quotation(const char *line)
{
    static const char *const words[] = { "DETAIL:",    "detail:", "CONTEXT:",       "Command was:",
                                         "STATEMENT:", "LINE ",   "from TOC entry " };
    return contains_any(line, words, ELEMENTSOF(words));
}

static bool is_programs_own(const char *line)
{
    static const char *const programs[] = { "pg_restore: ", "psql:", "pg_dump: " };

    for (size_t i = 0; i < ELEMENTSOF(programs); i++)
        if (text_starts_with(line, programs[i]))
            return true;
    return false;
}

static const char *find_excuse(const char *text, bool explained, const DrillCircumstances *c)
{
    _cleanup_(line_done) Line line = split_line(text, c->log, explained);

    for (size_t i = 0; i < ELEMENTSOF(excuses); i++)
        if (applies(&excuses[i], &line, c))
            return excuses[i].remedy;
    for (size_t i = 0; i < ELEMENTSOF(outside); i++)
        if (has_state(&line, outside[i].state))
            return outside[i].remedy;
    return NULL;
}

const char *drill_judge_failure(const Strv *lines, const DrillCircumstances *c)
{
    bool quotation = false, explained = false;

    for (size_t i = 0; i < lines->count; i++) {
        const char *line = lines->items[i];
        if (begins_quotation(line) || (quotation && !is_programs_own(line))) {
            quotation = true;
            continue;
        }
        quotation = false;
        const char *remedy = find_excuse(line, explained, c);
        if (remedy)
            return remedy;
        explained |= strstr(line, "error:") != NULL;
    }
    return NULL;
}
