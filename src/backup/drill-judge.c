#include "backup/drill-judge.h"

#include <stddef.h>
#include <string.h>

#include "sys/mem.h"

/* Client programs and server run with messages in English. */
static const struct Excuse {
    const char *words[2]; /* all of them in one line */
    const char *remedy;
    bool other_major, without_globals; /* only then */
    bool unexplained;                  /* only when no error stands before it */
} excuses[] = {
    { .words = { "No space left on device" }, .remedy = "Give DRILL_DIR more space." },
    { .words = { "Disk quota exceeded" }, .remedy = "Give DRILL_DIR more space." },
    { .words = { "could not extend file" }, .remedy = "Give DRILL_DIR more space." },
    { .words = { "could not write to file" }, .remedy = "Look at the file system of DRILL_DIR." },
    { .words = { "out of memory" }, .remedy = "Give the drill more memory." },
    { .words = { "out of shared memory" }, .remedy = "Give the drill more memory." },
    { .words = { "could not resize shared memory" }, .remedy = "Give the drill more memory." },
    { .words = { "could not fork" }, .remedy = "Let the drill have more processes." },
    { .words = { "too many clients" }, .remedy = "Lower BACKUP_JOBS." },
    { .words = { "terminating connection" }, .remedy = "Do not stop the throwaway server." },
    { .words = { "the database system is" }, .remedy = "Do not stop the throwaway server." },
    { .words = { "server closed the connection" },
      .remedy = "Look for what has ended the throwaway server: the kernel's log has it." },
    { .words = { "connection to server" },
      .remedy = "Look for what has ended the throwaway server: the kernel's log has it." },
    { .words = { "no connection to the server" },
      .remedy = "Look for what has ended the throwaway server: the kernel's log has it." },
    { .words = { "a worker process died unexpectedly" }, /* one that fails has said why */
      .remedy = "Look for what has ended it: the kernel's log has it.",
      .unexplained = true },
    { .words = { "extension \"", "is not available" },
      .remedy = "Install the extension's package where the drill runs." },
    { .words = { "extension \"", "has no installation script nor update path" },
      .remedy = "Install the extension's version of the original where the drill runs." },
    { .words = { "could not open extension control file" },
      .remedy = "Install the extension's package where the drill runs." },
    { .words = { "must be loaded via \"shared_preload_libraries\"" },
      .remedy = "Install the libraries that the original preloads where the drill runs." },
    { .words = { "must be loaded via shared_preload_libraries" },
      .remedy = "Install the libraries that the original preloads where the drill runs." },
    { .words = { "could not access file" },
      .remedy = "Install the library that the message names where the drill runs." },
    { .words = { "could not load library" },
      .remedy = "Install the library that the message names where the drill runs." },
    { .words = { "could not create locale" }, .remedy = "Make the locale where the drill runs." },
    { .words = { "invalid locale name" }, .remedy = "Make the locale where the drill runs." },
    { .words = { "could not open collator" }, .remedy = "Install the ICU of the original." },
    { .words = { "is not supported in this build" },
      .remedy = "Use PostgreSQL packages with all that the original's have." },
    { .words = { "not supported by this build" },
      .remedy = "Use PostgreSQL packages with all that the original's have." },
    { .words = { "unsupported version", "in file header" },
      .remedy = "Install the major version that made the backup." },
    { .words = { "this build does not support compression" },
      .remedy = "Use PostgreSQL packages with all that the original's have." },
    { .words = { "role \"", "does not exist" },
      .remedy = "Back up the globals too (BACKUP_GLOBALS=yes).",
      .without_globals = true },
    { .words = { "tablespace \"", "does not exist" },
      .remedy = "Back up the globals too (BACKUP_GLOBALS=yes).",
      .without_globals = true },
    { .words = { "" },
      .remedy = "Install the server programs of the major version that made the backup.",
      .other_major = true },
};

typedef struct Line {
    const char *text;
    bool explained; /* by an error before it */
} Line;

static bool applies(const struct Excuse *e, const Line *line, const DrillCircumstances *c)
{
    if ((e->other_major && !c->other_major) || (e->without_globals && !c->without_globals) ||
        (e->unexplained && line->explained))
        return false;
    for (size_t i = 0; i < ELEMENTSOF(e->words); i++)
        if (e->words[i] && !strstr(line->text, e->words[i]))
            return false;
    return true;
}

/* What a row of the backup says, which a server quotes behind these, is no excuse. */
static bool is_quotation(const char *line)
{
    static const char *const behind[] = { "DETAIL:",      "detail:",    "CONTEXT:",
                                          "Command was:", "STATEMENT:", "LINE " };

    for (size_t i = 0; i < ELEMENTSOF(behind); i++)
        if (strstr(line, behind[i]))
            return true;
    return false;
}

const char *drill_judge_failure(const Strv *lines, const DrillCircumstances *c)
{
    Line line = { 0 };

    for (size_t i = 0; i < lines->count; i++) {
        line.text = lines->items[i];
        if (is_quotation(line.text))
            continue;
        for (size_t j = 0; j < ELEMENTSOF(excuses); j++)
            if (applies(&excuses[j], &line, c))
                return excuses[j].remedy;
        line.explained |= strstr(line.text, "error:") != NULL;
    }
    return NULL;
}
