/* What a drill does with its server, for tests that look at it from outside.
 *
 *     throwaway-server run PARENT BINDIR [NAME=VALUE…]
 *     throwaway-server sweep PARENT
 *
 * `run` says "up SOCKET-DIRECTORY SUPERUSER", answers "alive" and "bytes" on its stdin, and stops
 * at its end. A NAME is a trait of a database (encoding, collate, ctype, locale_provider, locale)
 * or a setting of the server. Problems are on stderr, "REASON: sentence", the exit code is the
 * reason's.
 */

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "pg/client.h"
#include "pg/cluster.h"
#include "sys/cancel.h"
#include "sys/mem.h"

#define START_TIMEOUT (60 * USEC_PER_SEC)

static int say_error(const Err *err)
{
    fprintf(stderr, "%s: %s\n", err_kind_info(err->kind)->name, err->message);
    if (err->hint)
        fprintf(stderr, "hint: %s\n", err->hint);
    return (int)err_kind_info(err->kind)->exit_code;
}

static void say_lines(FILE *stream, const char *what, const Strv *lines)
{
    for (size_t i = 0; i < lines->count; i++)
        fprintf(stream, "%s: %s\n", what, lines->items[i]);
}

static int answer(PgCluster *cluster, const char *question)
{
    _cleanup_err_ Err err = { 0 };

    if (strcmp(question, "alive\n") == 0 && pg_cluster_alive(cluster, &err) < 0)
        return say_error(&err);
    printf("%llu\n", (unsigned long long)pg_cluster_bytes(cluster));
    return 0;
}

static int serve(PgCluster *cluster)
{
    for (;;) {
        struct pollfd fds[] = {
            { .fd = STDIN_FILENO, .events = POLLIN },
            { .fd = cancel_fd(), .events = POLLIN },
        };
        _cleanup_err_ Err err = { 0 };
        char line[64];

        if (poll(fds, ELEMENTSOF(fds), -1) < 0 && errno != EINTR)
            return EXIT_CODE_FAILED;
        if (fds[1].revents) {
            (void)cancel_error(&err);
            return say_error(&err);
        }
        ssize_t n = read(STDIN_FILENO, line, sizeof(line) - 1);
        if (n <= 0)
            return EXIT_CODE_DONE;
        line[n] = '\0';
        int code = answer(cluster, line);
        if (code != 0)
            return code;
    }
}

static void take_argument(char *argument, PgDatabaseTraits *traits, Strv *settings)
{
    const struct {
        const char *prefix;
        char **place;
    } names[] = {
        { "encoding=", &traits->encoding }, { "collate=", &traits->collate },
        { "ctype=", &traits->ctype },       { "locale_provider=", &traits->locale_provider },
        { "locale=", &traits->locale },
    };

    for (size_t i = 0; i < ELEMENTSOF(names); i++) {
        size_t size = strlen(names[i].prefix);
        if (strncmp(argument, names[i].prefix, size) == 0) {
            *names[i].place = argument + size;
            return;
        }
    }
    strv_add(settings, argument);
}

static int run_server(const char *parent, const char *bindir, char **arguments)
{
    PgClient client = { 0 };
    PgDatabaseTraits traits = { 0 };
    _cleanup_strv_ Strv settings = { 0 }, problems = { 0 };
    _cleanup_err_ Err err = { 0 };
    PgCluster *cluster = NULL;

    if (pg_client_find(bindir, /* server_major= */ 0, &client, &err) < 0)
        return say_error(&err);
    while (*arguments)
        take_argument(*arguments++, &traits, &settings);
    PgClusterSpec spec = {
        .parent = parent,
        .programs = &client,
        .traits = traits.encoding ? &traits : NULL,
        .settings = &settings,
        .start_timeout = START_TIMEOUT,
    };

    int code;
    if (pg_cluster_start(&spec, &cluster, &err) < 0) {
        code = say_error(&err);
    } else {
        const PgTarget *target = pg_cluster_target(cluster);
        printf("up %s %s\n", target->host, target->user);
        code = serve(cluster);
    }
    pg_cluster_stop(cluster, &problems);
    say_lines(stderr, "problem", &problems);
    pg_client_done(&client);
    return code;
}

static int sweep(const char *parent)
{
    _cleanup_strv_ Strv removed = { 0 }, problems = { 0 };
    _cleanup_err_ Err err = { 0 };

    int r = pg_cluster_sweep(parent, &removed, &problems, &err);
    say_lines(stdout, "removed", &removed);
    say_lines(stderr, "problem", &problems);
    return r < 0 ? say_error(&err) : EXIT_CODE_DONE;
}

int main(int argc, char **argv)
{
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    if (cancel_init() < 0)
        return EXIT_CODE_FAILED;
    if (argc == 3 && strcmp(argv[1], "sweep") == 0)
        return sweep(argv[2]);
    if (argc >= 4 && strcmp(argv[1], "run") == 0)
        return run_server(argv[2], argv[3], argv + 4);
    fprintf(stderr, "usage: throwaway-server run PARENT BINDIR [NAME=VALUE...] | sweep PARENT\n");
    return EXIT_CODE_USAGE;
}
