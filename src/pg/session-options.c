#include "pg/session-options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pg/session.h"
#include "sys/buf.h"
#include "sys/mem.h"
#include "sys/text.h"

#define VARIABLE "PGOPTIONS="

static bool is_options(const char *variable)
{
    return text_starts_with(variable, VARIABLE);
}

/* libpq's words are separated by blanks, which a backslash takes their meaning from. */
static void add_word(Buf *text, const char *word)
{
    for (const char *p = word; *p; p++) {
        if (strchr(" \t\r\n\f\v\\", *p))
            buf_addc(text, '\\');
        buf_addc(text, *p);
    }
}

void pg_session_options(Strv *env, const Strv *settings)
{
    _cleanup_buf_ Buf text = { 0 };
    size_t place = 0;

    if (settings->count == 0)
        return;
    while (place < env->count && !is_options(env->items[place]))
        place++;
    buf_adds(&text, place < env->count ? env->items[place] : VARIABLE);
    for (size_t i = 0; i < settings->count; i++) {
        buf_adds(&text, " -c ");
        add_word(&text, settings->items[i]);
    }

    if (place == env->count) {
        strv_take(env, buf_take(&text));
        return;
    }
    free(env->items[place]);
    env->items[place] = buf_take(&text);
}

/* PQconninfo() does not say where a value comes from. */
int pg_session_options_check(const PgSession *s, Err *err)
{
    const char *ours = getenv("PGOPTIONS");
    PQconninfoOption *list = PQconninfo(s->conn);
    bool hidden = false;

    for (const PQconninfoOption *o = list; o && o->keyword; o++)
        if (strcmp(o->keyword, "options") == 0 && o->val && o->val[0])
            hidden = !ours || strcmp(o->val, ours) != 0;
    PQconninfoFree(list);
    if (!hidden)
        return 0;
    err_set(err, ERR_SETTINGS, "the service of the connection has \"options\", which hide ours");
    err_hint(err, "Use a service without them: PGOPTIONS, or ALTER ROLE … SET, does the same.");
    return -EINVAL;
}
