#include "unit.h"

#include <string.h>

#include "stage-suite.h"
#include "stream/stage-guard.h"
#include "sys/mem.h"

#define HEAD "--\n-- PostgreSQL database dump\n--\n"
#define BODY "SET a = 1;\nCOPY public.t (i) FROM stdin;\n\\\\! id\n\\.\n"
#define TAIL "--\n-- PostgreSQL database dump complete\n--\n"

typedef struct Guarded {
    SuiteSink sink;
    Err err;
    int r;
} Guarded;

/* The text in pieces through the guard, with its end. */
static void guard(const char *text, size_t piece, Guarded *ret)
{
    _cleanup_pipeline_ Pipeline *p = pipeline_new();
    size_t size = strlen(text);

    *ret = (Guarded){ 0 };
    pipeline_add(p, stage_guard_new());
    pipeline_add(p, suite_sink_new(&ret->sink));
    buf_adds(&ret->sink.data, ""); /* a string even where nothing comes */
    for (size_t at = 0; ret->r >= 0 && at < size; at += piece)
        ret->r = pipeline_write(p, text + at, piece < size - at ? piece : size - at, &ret->err);
    if (ret->r >= 0)
        ret->r = pipeline_finish(p, &ret->err);
}

static void guarded_done(Guarded *g)
{
    buf_done(&g->sink.data);
    err_done(&g->err);
}

START_TEST(a_dump_passes_without_the_commands_of_its_own)
{
    static const char text[] = HEAD "\\restrict a\n" BODY TAIL "\\unrestrict a\n";

    for (size_t piece = 1; piece <= strlen(text); piece++) {
        Guarded g;
        guard(text, piece, &g);
        ck_assert_int_eq(g.r, 0);
        ck_assert_str_eq(g.sink.data.data, HEAD BODY TAIL);
        guarded_done(&g);
    }
}
END_TEST

START_TEST(a_command_is_damage_and_does_not_pass)
{
    for (size_t piece = 1; piece < 100; piece++) {
        Guarded g;
        guard(HEAD BODY "\\! id\n" TAIL, piece, &g);
        ck_assert_int_lt(g.r, 0);
        ck_assert_int_eq(g.err.kind, ERR_DAMAGED);
        ck_assert_ptr_nonnull(strstr(g.err.message, "a command of psql's: \\! id"));
        ck_assert_uint_le(strlen(g.sink.data.data), strlen(HEAD BODY));
        guarded_done(&g);
    }
}
END_TEST

START_TEST(a_text_that_is_cut_is_damage)
{
    Guarded g;
    guard(HEAD BODY, 7, &g);
    ck_assert_int_lt(g.r, 0);
    ck_assert_int_eq(g.err.kind, ERR_DAMAGED);
    guarded_done(&g);
}
END_TEST

static const UnitTest tests[] = {
    UNIT_TEST(a_dump_passes_without_the_commands_of_its_own),
    UNIT_TEST(a_command_is_damage_and_does_not_pass),
    UNIT_TEST(a_text_that_is_cut_is_damage),
};
UNIT_MAIN("stage-guard", tests)
