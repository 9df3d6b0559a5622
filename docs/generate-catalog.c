/* The journal's message catalog, by which `journalctl -x` explains an entry. The format is that of
 * https://systemd.io/CATALOG: a header line with the message id, fields, an empty line, text. */

#include <stdio.h>

#include "generate.h"
#include "sys/err.h"
#include "sys/log.h"
#include "sys/mem.h"

static void print_head(const char *message_id, const char *subject)
{
    printf("\n-- %s\n"
           "Subject: %s\n"
           "Defined-By: pg-backup\n"
           "Documentation: man:pg-backup(1)\n"
           "\n",
           message_id, subject);
}

void generate_catalog(void)
{
    printf("# Made by generate-docs from the tables of reasons and events.\n");
    for (ErrKind kind = ERR_NONE + 1; kind < _ERR_KIND_MAX; kind++) {
        const ErrKindInfo *info = err_kind_info(kind);
        _cleanup_free_ char *subject = mem_printf("Reason: %s", info->name);
        print_head(info->message_id, subject);
        printf("%s\n\nRemedy: %s\n", info->cause, info->remedy);
    }
    for (LogEvent event = LOG_EVENT_NONE + 1; event < _LOG_EVENT_MAX; event++) {
        const LogEventInfo *info = log_event_info(event);
        print_head(info->message_id, info->subject);
        printf("%s\n", info->explanation);
    }
}
