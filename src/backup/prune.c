#include "backup/prune.h"

#include <stdlib.h>

#include "backup/fall.h"
#include "sys/mem.h"

static void judge_series(const Series *s, const RetentionPolicy *policy, usec_t now,
                         PrunePlan *plan)
{
    _cleanup_free_ RetentionItem *items = mem_zero(s->count, sizeof(*items));
    _cleanup_free_ RetentionRule *rules = mem_zero(s->count, sizeof(*rules));
    _cleanup_free_ FallRole *roles = mem_zero(s->count, sizeof(*roles));

    fall_assign_roles(s, roles);
    for (size_t i = 0; i < s->count; i++)
        items[i] = (RetentionItem){
            .when = s->backups[i].when,
            .good = s->backups[i].good,
            .newer = s->backups[i].newer,
            .proven = s->backups[i].proof && proof_shows_restore(s->backups[i].proof),
            .before_fall = roles[i] == FALL_ROLE_BEFORE,
            .fell = roles[i] == FALL_ROLE_AFTER,
        };
    retention_decide(policy, now, items, s->count, rules);
    if (!plan->behind && retention_clock_is_behind(now, items, s->count))
        plan->behind = s;

    plan->verdicts = mem_resize(plan->verdicts, plan->count + s->count, sizeof(*plan->verdicts));
    for (size_t i = 0; i < s->count; i++)
        plan->verdicts[plan->count++] =
            (PruneVerdict){ .series = s, .backup = &s->backups[i], .rule = rules[i] };
}

PrunePlan prune_plan(const Catalog *catalog, const RetentionPolicy *policy, usec_t now)
{
    PrunePlan plan = { 0 };

    for (size_t i = 0; i < catalog->count; i++)
        if (catalog->series[i].count > 0)
            judge_series(&catalog->series[i], policy, now, &plan);
    return plan;
}

void prune_add_problems(const Catalog *catalog, Strv *ret)
{
    for (size_t i = 0; i < catalog->count; i++)
        for (size_t j = 0; j < catalog->series[i].count; j++) {
            const char *problem = catalog->series[i].backups[j].acceptance_problem;
            if (problem)
                strv_addf(ret, "%s; it accepts nothing", problem);
        }
}

int prune_clock_error(const PrunePlan *plan, Err *err)
{
    return err_set(err, ERR_CLOCK,
                   "the clock stands before the newest backup of \"%s\": nothing of it is removed",
                   plan->behind->encoded);
}

void prune_plan_done(PrunePlan *plan)
{
    free(plan->verdicts);
    *plan = (PrunePlan){ 0 };
}

int prune_apply(const Catalog *catalog, const PrunePlan *plan, Strv *removed, Strv *warnings,
                Err *err)
{
    int first = 0;

    for (size_t i = 0; i < plan->count; i++) {
        const PruneVerdict *v = &plan->verdicts[i];
        _cleanup_err_ Err warning = { 0 };
        if (retention_keeps(v->rule))
            continue;

        int r = catalog_remove(catalog, v->series, v->backup, &warning, err);
        if (err_is_set(&warning)) /* where links cannot be made, each removal says so */
            strv_add_once(warnings, warning.message);
        if (r == 0)
            strv_add(removed, v->backup->stem);
        else if (first == 0)
            first = r;
    }
    return first;
}
