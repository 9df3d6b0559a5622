/* conf_file_parse() on anything: it does not crash, every entry has a key and a value, and every
 * problem names the file and a line of it. */

#include "fuzz.h"

#include <string.h>

#include "conf/conf-file.h"
#include "sys/mem.h"

static unsigned count_lines(const char *text)
{
    unsigned lines = 1;
    for (; *text; text++)
        lines += *text == '\n';
    return lines;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_free_ char *text = mem_strndup((const char *)data, size);
    _cleanup_strv_ Strv problems = { 0 };
    ConfFile file = { 0 };

    conf_file_parse(text, "app.conf", &file, &problems);

    unsigned lines = count_lines(text);
    for (size_t i = 0; i < file.count; i++) {
        require(file.entries[i].key && *file.entries[i].key, "an entry has a key");
        require(file.entries[i].value != NULL, "an entry has a value");
        require(file.entries[i].line >= 1 && file.entries[i].line <= lines, "a key has a line");
    }
    for (size_t i = 0; i < problems.count; i++)
        require(strncmp(problems.items[i], "app.conf:", 9) == 0, "a problem names its place");

    conf_file_done(&file);
    return 0;
}
