/* /etc/pg-backup/NAME.conf as it is installed: every setting, commented out, with its default. */

#include <stdio.h>
#include <string.h>

#include "conf/settings.h"
#include "generate.h"

#define LINE_MAX 78

/* Text as lines of comment. */
static void print_comment(const char *text)
{
    size_t column = 0;

    for (size_t size; *text; text += size) {
        text += strspn(text, " ");
        size = strcspn(text, " ");
        if (column > 0 && column + 1 + size > LINE_MAX) {
            putchar('\n');
            column = 0;
        }
        column += (size_t)printf("%s%.*s", column == 0 ? "# " : " ", (int)size, text);
    }
    putchar('\n');
}

void generate_example_conf(void)
{
    const char *group = "";
    const SettingInfo *info;

    printf("# Settings of one instance of pg-backup: /etc/pg-backup/NAME.conf, see\n"
           "# pg-backup.conf(5). What is commented out shows the default. Check by\n"
           "#\n"
           "#     sudo -u pg-backup pg-backup -i NAME check\n");
    for (size_t i = 0; (info = settings_info(i)); i++) {
        if (strcmp(info->group, group) != 0)
            printf("\n\n## %s\n", info->group);
        group = info->group;
        putchar('\n');
        print_comment(info->description);
        printf("#%s=%s\n", info->key, info->default_text);
    }
}
