#include "pg/cluster-log.h"

#include <stddef.h>
#include <string.h>

#include "sys/mem.h"

/* In this order: the first that is found tells most. */
static const char *const telling[] = {
    "PANIC:",
    "was terminated by signal",
    "could not",
    "FATAL:",
};

static bool has_state(const char *line)
{
    return strspn(line, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == SQLSTATE_SIZE &&
           line[SQLSTATE_SIZE] == ' ';
}

/* The server adds where in the statement it is, the client program does not. */
static bool has_words(const char *line, const char *error)
{
    static const char place[] = " at character ";
    size_t size = strlen(error);

    if (strncmp(line, error, size) != 0)
        return false;
    return line[size] == '\0' || line[size] == '\n' ||
           strncmp(line + size, place, strlen(place)) == 0;
}

static const char *next_line(const char *line)
{
    const char *end = strchr(line, '\n');
    return end ? end + 1 : NULL;
}

bool cluster_log_find_state(const char *log, const char *error, char ret[static SQLSTATE_SIZE + 1])
{
    bool found = false;

    for (const char *line = log; line; line = next_line(line)) {
        if (!has_state(line) || !has_words(line + SQLSTATE_SIZE + 1, error))
            continue;
        memcpy(ret, line, SQLSTATE_SIZE);
        ret[SQLSTATE_SIZE] = '\0';
        found = true;
    }
    return found;
}

/* An error ends a statement, never the server. */
static bool tells(const char *line, const char *words)
{
    const char *found = strstr(line, words);
    return found && found < line + strcspn(line, "\n") && strncmp(line, "ERROR:", 6) != 0;
}

char *cluster_log_telling_line(const char *log)
{
    for (size_t i = 0; i < ELEMENTSOF(telling); i++)
        for (const char *line = log; line; line = next_line(line)) {
            const char *words = has_state(line) ? line + SQLSTATE_SIZE + 1 : line;
            if (tells(words, telling[i]))
                return mem_strndup(words, strcspn(words, "\n"));
        }
    return mem_strdup("");
}
