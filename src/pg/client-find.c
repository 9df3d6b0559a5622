#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pg/client.h"
#include "sys/mem.h"

/* Where PostgreSQL's programs are, and which of them fit a server. */

#define VERSION_TIMEOUT (10 * USEC_PER_SEC)

static const char *const programs[] = { "pg_dump", "pg_dumpall", "pg_restore", "psql" };

static const char *const patterns[] = { "/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin" };

static bool has_all_programs(const char *dir)
{
    for (size_t i = 0; i < ELEMENTSOF(programs); i++) {
        _cleanup_free_ char *path = mem_printf("%s/%s", dir, programs[i]);
        if (access(path, X_OK) < 0)
            return false;
    }
    return true;
}

static void list_candidates(Strv *ret)
{
    for (size_t i = 0; i < ELEMENTSOF(patterns); i++) {
        glob_t found = { 0 };
        if (glob(patterns[i], GLOB_ONLYDIR, NULL, &found) == 0)
            for (size_t j = 0; j < found.gl_pathc; j++)
                strv_add(ret, found.gl_pathv[j]);
        globfree(&found);
    }

    _cleanup_free_ char *path = mem_strdup(getenv("PATH"));
    char *rest = path, *dir;
    while (rest && (dir = strsep(&rest, ":")))
        if (dir[0] == '/')
            strv_add(ret, dir);
}

/* "pg_dump (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)" */
static int parse_version(const char *text, PgClient *ret)
{
    const char *p = strstr(text, ") ");
    int major = 0, minor = 0;

    if (!p || sscanf(p + 2, "%d.%d", &major, &minor) < 1 || major < 9 || major > 999)
        return -EINVAL;
    ret->major = major;
    ret->version_num = major * 10000 + minor;
    ret->version = mem_strndup(p + 2, strcspn(p + 2, " \n"));
    return 0;
}

static int read_version(const char *dir, PgClient *ret, Err *err)
{
    _cleanup_free_ char *path = mem_printf("%s/pg_dump", dir), *text = NULL;
    _cleanup_strv_ Strv argv = { 0 }, env = { 0 };

    strv_add(&argv, path);
    strv_add(&argv, "--version");
    pg_client_environment(&env);
    ChildSpec spec = {
        .path = path,
        .argv = argv.items,
        .env = env.items,
        .pipe = CHILD_STDOUT,
        .stall_timeout = VERSION_TIMEOUT,
    };
    int r = child_output(&spec, 256, &text, err);
    if (r < 0)
        return r;

    if (parse_version(text, ret) < 0)
        return err_set(err, ERR_CLIENT_MISSING, "\"%s --version\" does not tell a version", path);
    ret->bindir = mem_strdup(dir);
    return 0;
}

/* What the search has found so far. */
typedef struct Search {
    int server_major;
    PgClient best;   /* fits the server; bindir NULL: none yet */
    PgClient newest; /* of those that are too old, for the message */
} Search;

static void search_done(Search *s)
{
    pg_client_done(&s->best);
    pg_client_done(&s->newest);
}

/* Takes the candidate over. The server's own major wins, then the lowest newer one; the first found
 * of equals. */
static void consider(Search *s, PgClient *candidate)
{
    bool fits = candidate->major >= s->server_major;
    PgClient *place = fits ? &s->best : &s->newest;
    bool better =
        fits ? !place->bindir || candidate->major < place->major : candidate->major > place->major;

    if (!better) {
        pg_client_done(candidate);
        return;
    }
    pg_client_done(place);
    *place = *candidate;
    *candidate = (PgClient){ 0 };
}

static int say_not_found(const Search *s, const char *bindir, Err *err)
{
    if (s->newest.bindir)
        err_set(err, ERR_CLIENT_TOO_OLD,
                "the newest pg_dump found, %s in \"%s\", is older than the server (%d)",
                s->newest.version, s->newest.bindir, s->server_major);
    else if (bindir)
        err_set(err, ERR_CLIENT_MISSING, "no pg_dump, pg_dumpall, pg_restore and psql in \"%s\"",
                bindir);
    else
        err_set(err, ERR_CLIENT_MISSING, "no pg_dump, pg_dumpall, pg_restore and psql found");
    err_hint(err, "Install PostgreSQL %d's client programs (Debian: postgresql-client-%d)%s.",
             s->server_major, s->server_major,
             bindir ? ", or correct PG_BINDIR" : ", or name their directory by PG_BINDIR");
    return -ENOENT;
}

/* One broken installation does not spoil the others, unless it is the one that was named. */
static int look_into(Search *s, const char *dir, bool named, Err *err)
{
    _cleanup_err_ Err reason = { 0 };
    PgClient candidate = { 0 };

    if (!has_all_programs(dir))
        return 0;
    int r = read_version(dir, &candidate, &reason);
    if (r == 0) {
        consider(s, &candidate);
        return 0;
    }
    if (!named && reason.kind != ERR_CANCELLED)
        return 0;
    err_move(err, &reason);
    return r;
}

int pg_client_find(const char *bindir, int server_major, PgClient *ret, Err *err)
{
    _cleanup_(search_done) Search search = { .server_major = server_major };
    _cleanup_strv_ Strv dirs = { 0 };

    if (bindir)
        strv_add(&dirs, bindir);
    else
        list_candidates(&dirs);

    for (size_t i = 0; i < dirs.count; i++) {
        int r = look_into(&search, dirs.items[i], /* named= */ bindir != NULL, err);
        if (r < 0)
            return r;
    }
    if (!search.best.bindir)
        return say_not_found(&search, bindir, err);

    *ret = search.best;
    search.best = (PgClient){ 0 };
    return 0;
}

void pg_client_done(PgClient *client)
{
    free(client->bindir);
    free(client->version);
    *client = (PgClient){ 0 };
}

const char *pg_client_advice(const PgClient *client)
{
    /* The minor releases that close CVE-2026-18408 (a hostile server's names run psql commands at
     * restore), the newest hole in the client programs that this table knows. */
    static const int fixed[] = { 140024, 150019, 160015, 170011, 180006 };

    for (size_t i = 0; i < ELEMENTSOF(fixed); i++)
        if (client->major == fixed[i] / 10000 && client->version_num < fixed[i])
            return "a newer minor release closes a hole in the client programs (CVE-2026-18408)";
    return NULL;
}

bool pg_client_knows_restrict(const PgClient *client)
{
    static const int first[] = { 130022, 140019, 150014, 160010, 170006 };

    for (size_t i = 0; i < ELEMENTSOF(first); i++)
        if (client->major == first[i] / 10000)
            return client->version_num >= first[i];
    return client->major >= 18;
}
