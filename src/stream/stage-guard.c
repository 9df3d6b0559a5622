#include "stream/stage-guard.h"

#include "archive/sql-scanner.h"
#include "sys/mem.h"

typedef struct StageGuard {
    Stage stage;
    SqlScanner *scanner;
} StageGuard;

static int forward(void *userdata, const void *data, size_t size, Err *err)
{
    return stage_forward(userdata, data, size, err);
}

static int judge(int r, Err *err)
{
    if (r < 0 && err_is_set(err) && err->kind == ERR_DUMP_INCOMPLETE)
        err->kind = ERR_DAMAGED;
    return r;
}

static int guard_write(Stage *s, const void *data, size_t size, Err *err)
{
    const StageGuard *guard = (const StageGuard *)s;
    return judge(sql_scanner_write(guard->scanner, data, size, err), err);
}

static int guard_finish(Stage *s, Err *err)
{
    const StageGuard *guard = (const StageGuard *)s;
    return judge(sql_scanner_finish(guard->scanner, err), err);
}

static void guard_free(Stage *s)
{
    StageGuard *guard = (StageGuard *)s;
    sql_scanner_free(guard->scanner);
    free(guard);
}

static const StageOps guard_ops = {
    .name = "guard",
    .write = guard_write,
    .finish = guard_finish,
    .free = guard_free,
};

Stage *stage_guard_new(void)
{
    StageGuard *guard = mem_zero(1, sizeof(*guard));

    guard->stage.ops = &guard_ops;
    guard->scanner = sql_scanner_new();
    sql_scanner_pass_on(guard->scanner, forward, &guard->stage);
    return &guard->stage;
}
