#include "unit.h"

#include <errno.h>
#include <jansson.h>
#include <pty.h>
#include <regex.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "sys/log.h"
#include "sys/logfmt.h"
#include "sys/mem.h"
#include "sys/strv.h"
#include "sys/utf8.h"

/* Stands in for libsystemd's: what was sent last, "KEY=value" each. */
static Strv sent;
static int journal_result;
int sd_journal_sendv(const struct iovec *iov, int n);

int sd_journal_sendv(const struct iovec *iov, int n)
{
    strv_done(&sent);
    for (int i = 0; i < n; i++)
        strv_take(&sent, mem_strndup(iov[i].iov_base, iov[i].iov_len));
    return journal_result;
}

/* Where stderr goes while a test runs: a file that we read back, or a terminal. Check runs each
 * test in a process of its own, so nothing has to be put back. */
static int captured = -1;

static void capture_to_file(void)
{
    captured = memfd_create("stderr", MFD_CLOEXEC);
    ck_assert_int_ge(captured, 0);
    ck_assert_int_ge(dup2(captured, STDERR_FILENO), 0);
    unsetenv("JOURNAL_STREAM");
}

static void capture_to_terminal(unsigned short columns)
{
    struct winsize size = { .ws_row = 24, .ws_col = columns };
    int slave;

    ck_assert_int_eq(openpty(&captured, &slave, NULL, NULL, &size), 0);
    ck_assert_int_ge(dup2(slave, STDERR_FILENO), 0);
    unsetenv("JOURNAL_STREAM");
    unsetenv("NO_COLOR");
    setenv("TERM", "xterm", 1);
}

/* What has been written since the last call. The terminal's own "\r\n" stays. */
static char *take_output(void)
{
    if (isatty(captured))
        return unit_read_terminal(captured, STDERR_FILENO);

    char *text = mem_zero(1 << 16, 1);
    ck_assert_int_ge(pread(captured, text, (1 << 16) - 1, 0), 0);
    ck_assert_int_eq(ftruncate(captured, 0), 0);
    lseek(captured, 0, SEEK_SET);
    return text;
}

static void assert_matches(const char *text, const char *pattern)
{
    regex_t regex;
    ck_assert_int_eq(regcomp(&regex, pattern, REG_EXTENDED), 0);
    ck_assert_msg(regexec(&regex, text, 0, NULL, 0) == 0, "\"%s\" does not match \"%s\"", text,
                  pattern);
    regfree(&regex);
}

static size_t count_of(const char *text, char c)
{
    size_t count = 0;
    for (; *text; text++)
        count += *text == c;
    return count;
}

START_TEST(an_event_is_one_logfmt_line_with_its_context)
{
    capture_to_file();
    log_init(LOG_FORMAT_AUTO, LOG_LEVEL_INFO);
    log_context(LOG_FIELD_RUN, "0123");
    log_context(LOG_FIELD_DATABASE, "we\"ird name");
    log_context(LOG_FIELD_BYTES, "42");
    log_event(LOG_LEVEL_INFO, LOG_EVENT_BACKUP_FINISHED, "backed up %s", "it");

    _cleanup_free_ char *text = take_output();
    assert_matches(text, "^time=[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z level=info "
                         "event=backup-finished run=0123 database=\"we\\\\\"ird name\" bytes=42 "
                         "msg=\"backed up it\"\n$");
}
END_TEST

START_TEST(an_error_carries_its_reason_and_hint)
{
    _cleanup_err_ Err err = {};
    err_set(&err, ERR_DISK_FULL, "could not write");
    err_hint(&err, "Make room.");

    capture_to_file();
    log_init(LOG_FORMAT_LOGFMT, LOG_LEVEL_INFO);
    log_err(LOG_LEVEL_ERROR, LOG_EVENT_BACKUP_FAILED, &err);

    _cleanup_free_ char *text = take_output();
    assert_matches(text, " level=error event=backup-failed reason=disk-full "
                         "msg=\"could not write\" hint=\"Make room\\.\"\n$");
}
END_TEST

START_TEST(what_is_below_the_level_is_not_written)
{
    capture_to_file();
    log_init(LOG_FORMAT_LOGFMT, LOG_LEVEL_WARNING);
    log_notice("unheard");
    log_warning("heard");

    _cleanup_free_ char *text = take_output();
    ck_assert_ptr_null(strstr(text, "unheard"));
    ck_assert_ptr_nonnull(strstr(text, "msg=heard"));
}
END_TEST

START_TEST(context_that_was_removed_is_gone)
{
    capture_to_file();
    log_init(LOG_FORMAT_LOGFMT, LOG_LEVEL_INFO);
    log_context(LOG_FIELD_DATABASE, "appdb");
    log_context(LOG_FIELD_DATABASE, NULL);
    log_info("x");

    _cleanup_free_ char *text = take_output();
    ck_assert_ptr_null(strstr(text, "database"));
}
END_TEST

/* A reader of logfmt decodes a quoted value as a JSON string, so jansson is the judge. */
static char *decode_value(const char *pair)
{
    const char *value = strchr(pair, '=') + 1;
    if (*value != '"')
        return mem_strdup(value);

    json_error_t error;
    json_t *string = json_loads(value, JSON_DECODE_ANY, &error);
    ck_assert_msg(string != NULL, "%s: %s", value, error.text);
    char *text = mem_strdup(json_string_value(string));
    json_decref(string);
    return text;
}

START_TEST(any_byte_survives_logfmt_on_one_line)
{
    for (unsigned byte = 1; byte < 256; byte++) {
        _cleanup_buf_ Buf line = {};
        const char value[] = { 'a', (char)byte, 'b', 0 };
        logfmt_add(&line, "key", value);

        for (size_t i = 0; i < line.size; i++)
            ck_assert_uint_ge((unsigned char)line.data[i], ' ');
        _cleanup_free_ char *decoded = decode_value(line.data);
        ck_assert_str_eq(decoded, byte < 0x80 ? value
                                              : "a\xEF\xBF\xBD"
                                                "b");
    }
}
END_TEST

START_TEST(a_logfmt_value_is_quoted_only_where_it_must_be)
{
    static const struct {
        const char *value, *line;
    } cases[] = {
        { "plain", "k=plain" },
        { "na\xC3\xAFve", "k=na\xC3\xAFve" },
        { "", "k=\"\"" },
        { "a b", "k=\"a b\"" },
        { "a=b", "k=\"a=b\"" },
        { "say \"hi\"", "k=\"say \\\"hi\\\"\"" },
        { "a\\b", "k=\"a\\\\b\"" },
        { "a\nb\tc\r", "k=\"a\\nb\\tc\\r\"" },
        { "\033[31m", "k=\"\\u001b[31m\"" },
        { "\xC2\x9B"
          "31m",
          "k=\"\\u009b31m\"" },
        { "\xE2\x80\xAE"
          "abc",
          "k=\"\\u202eabc\"" },
    };

    for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
        _cleanup_buf_ Buf line = {};
        logfmt_add(&line, "k", cases[i].value);
        ck_assert_str_eq(line.data, cases[i].line);
    }
}
END_TEST

START_TEST(json_is_one_object_a_line_with_numbers_as_numbers)
{
    capture_to_file();
    log_init(LOG_FORMAT_JSON, LOG_LEVEL_INFO);
    log_context(LOG_FIELD_DATABASE, "new\nline");
    log_context(LOG_FIELD_BYTES, "42");
    log_event(LOG_LEVEL_WARNING, LOG_EVENT_DUMP_WARNING, "bad \xFF byte, \"quote\"");

    _cleanup_free_ char *text = take_output();
    ck_assert_uint_eq(count_of(text, '\n'), 1);
    json_t *object = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    ck_assert_ptr_nonnull(object);
    ck_assert_str_eq(json_string_value(json_object_get(object, "level")), "warning");
    ck_assert_str_eq(json_string_value(json_object_get(object, "event")), "dump-warning");
    ck_assert_str_eq(json_string_value(json_object_get(object, "database")), "new\nline");
    ck_assert_int_eq(json_integer_value(json_object_get(object, "bytes")), 42);
    ck_assert_str_eq(json_string_value(json_object_get(object, "message")),
                     "bad \xEF\xBF\xBD byte, \"quote\"");
    json_decref(object);
}
END_TEST

START_TEST(a_line_for_people_has_time_level_and_message)
{
    capture_to_file();
    log_init(LOG_FORMAT_HUMAN, LOG_LEVEL_INFO);
    log_context(LOG_FIELD_DATABASE, "appdb");
    log_info("done");
    log_warning("careful");
    log_error("broken");

    _cleanup_free_ char *text = take_output();
    assert_matches(text, "^[0-9]{2}:[0-9]{2}:[0-9]{2}  done\n"
                         "[0-9:]{8}  WARNING: careful\n"
                         "[0-9:]{8}  ERROR: broken\n$");
}
END_TEST

START_TEST(several_lines_and_a_hint_stand_below_each_other)
{
    _cleanup_err_ Err err = {};
    err_set(&err, ERR_SETTINGS, "main.conf:1: unknown key\nmain.conf:2: bad value\n");
    err_hint(&err, "See docs/SETTINGS.md.");

    capture_to_file();
    log_init(LOG_FORMAT_HUMAN, LOG_LEVEL_INFO);
    log_err(LOG_LEVEL_ERROR, LOG_EVENT_NONE, &err);

    _cleanup_free_ char *text = take_output();
    assert_matches(text, "^[0-9:]{8}  ERROR: main\\.conf:1: unknown key\n"
                         "          main\\.conf:2: bad value\n"
                         "          hint: See docs/SETTINGS\\.md\\.\n$");
}
END_TEST

START_TEST(nothing_hostile_reaches_a_terminal)
{
    capture_to_terminal(80);
    setenv("NO_COLOR", "1", 1);
    log_init(LOG_FORMAT_AUTO, LOG_LEVEL_INFO);
    log_context(LOG_FIELD_DATABASE, "a\nb\033[2J");
    log_warning("pg_dump: \033]0;owned\a \x80 \xC2\x9B"
                "2J \r gone\n12:00:00  all is well");

    _cleanup_free_ char *text = take_output();
    size_t size;
    for (const char *p = text; *p; p += size) {
        uint32_t code = 0;
        size = utf8_next(p, &code);
        ck_assert_msg(size > 0, "not UTF-8: \"%s\"", p);
        ck_assert_msg(!utf8_is_control(code) || code == '\n' || (code == '\r' && p[1] == '\n'),
                      "U+%04X in \"%s\"", code, text);
    }
    ck_assert_ptr_nonnull(strstr(text, "\n          12:00:00  all is well"));
}
END_TEST

START_TEST(colour_is_for_terminals_without_no_color)
{
    capture_to_terminal(80);
    log_init(LOG_FORMAT_AUTO, LOG_LEVEL_INFO);
    ck_assert(log_is_human());
    log_error("x");
    _cleanup_free_ char *coloured = take_output();
    ck_assert_ptr_nonnull(strstr(coloured, "\033[1;31mERROR"));

    setenv("NO_COLOR", "1", 1);
    log_init(LOG_FORMAT_AUTO, LOG_LEVEL_INFO);
    ck_assert(log_is_human());
    log_error("x");
    _cleanup_free_ char *plain = take_output();
    ck_assert_ptr_null(strchr(plain, '\033'));

    unsetenv("NO_COLOR");
    capture_to_file();
    log_init(LOG_FORMAT_HUMAN, LOG_LEVEL_INFO);
    ck_assert(!log_is_human());
    log_error("x");
    _cleanup_free_ char *file = take_output();
    ck_assert_ptr_null(strchr(file, '\033'));
}
END_TEST

START_TEST(a_dumb_terminal_gets_no_escape_sequences)
{
    capture_to_terminal(80);
    setenv("TERM", "dumb", 1);
    log_init(LOG_FORMAT_AUTO, LOG_LEVEL_INFO);
    log_progress_line("working");
    log_error("x");

    _cleanup_free_ char *text = take_output();
    assert_matches(text, "^[0-9:]{8}  ERROR: x\r\n$");
}
END_TEST

START_TEST(log_lines_are_written_above_the_progress_line)
{
    capture_to_terminal(80);
    setenv("NO_COLOR", "1", 1);
    log_init(LOG_FORMAT_AUTO, LOG_LEVEL_INFO);

    log_progress_line("working");
    _cleanup_free_ char *drawn = take_output();
    ck_assert_str_eq(drawn, "\r\033[Kworking");

    log_info("news");
    _cleanup_free_ char *between = take_output();
    assert_matches(between, "^\r\033\\[K[0-9:]{8}  news\r\nworking$");

    log_progress_line(NULL);
    _cleanup_free_ char *cleared = take_output();
    ck_assert_str_eq(cleared, "\r\033[K");

    log_info("more");
    _cleanup_free_ char *after = take_output();
    assert_matches(after, "^[0-9:]{8}  more\r\n$");
}
END_TEST

START_TEST(the_progress_line_fits_the_terminal)
{
    capture_to_terminal(20);
    log_init(LOG_FORMAT_AUTO, LOG_LEVEL_INFO);

    log_progress_line("0123456789012345678901234567890123456789");
    _cleanup_free_ char *narrow = take_output();
    ck_assert_str_eq(narrow, "\r\033[K0123456789012345678");

    /* Ten ideographs of two columns each: nine fit into nineteen. */
    log_progress_line("一二三四五六七八九十");
    _cleanup_free_ char *wide = take_output();
    ck_assert_str_eq(wide, "\r\033[K一二三四五六七八九");
}
END_TEST

/* Makes stderr what $JOURNAL_STREAM names. */
static void pretend_journal(void)
{
    struct stat st;
    char stream[64];

    capture_to_file();
    ck_assert_int_eq(fstat(STDERR_FILENO, &st), 0);
    snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
    setenv("JOURNAL_STREAM", stream, 1);
}

START_TEST(the_journal_gets_all_fields_in_one_message)
{
    _cleanup_err_ Err err = {};
    err_set(&err, ERR_DISK_FULL, "could not write:\nno \033 room");
    err_hint(&err, "Make room.");

    pretend_journal();
    log_init(LOG_FORMAT_AUTO, LOG_LEVEL_INFO);
    log_context(LOG_FIELD_RUN, "0123");
    log_context(LOG_FIELD_DATABASE, "appdb");
    log_err(LOG_LEVEL_ERROR, LOG_EVENT_BACKUP_FAILED, &err);

    _cleanup_free_ char *id = mem_printf("MESSAGE_ID=%s", err_kind_info(ERR_DISK_FULL)->message_id);
    ck_assert(strv_contains(&sent, "MESSAGE=could not write:\nno \\x1B room"));
    ck_assert(strv_contains(&sent, "PRIORITY=3"));
    ck_assert(strv_contains(&sent, "SYSLOG_IDENTIFIER=pg-backup"));
    ck_assert(strv_contains(&sent, id));
    ck_assert(strv_contains(&sent, "PG_BACKUP_EVENT=backup-failed"));
    ck_assert(strv_contains(&sent, "PG_BACKUP_RUN=0123"));
    ck_assert(strv_contains(&sent, "PG_BACKUP_DATABASE=appdb"));
    ck_assert(strv_contains(&sent, "PG_BACKUP_REASON=disk-full"));
    ck_assert(strv_contains(&sent, "PG_BACKUP_HINT=Make room."));
    ck_assert_uint_eq(sent.count, 9);

    _cleanup_free_ char *text = take_output();
    ck_assert_str_eq(text, "");
}
END_TEST

START_TEST(an_event_has_its_own_message_id_in_the_journal)
{
    pretend_journal();
    log_init(LOG_FORMAT_AUTO, LOG_LEVEL_INFO);
    log_event(LOG_LEVEL_NOTICE, LOG_EVENT_PRUNED, "x");

    _cleanup_free_ char *id =
        mem_printf("MESSAGE_ID=%s", log_event_info(LOG_EVENT_PRUNED)->message_id);
    ck_assert(strv_contains(&sent, id));
    ck_assert(strv_contains(&sent, "PRIORITY=5"));
}
END_TEST

START_TEST(a_redirected_stderr_is_not_the_journal)
{
    pretend_journal();
    _cleanup_free_ char *stream = mem_strdup(getenv("JOURNAL_STREAM"));
    capture_to_file();
    setenv("JOURNAL_STREAM", stream, 1);
    log_init(LOG_FORMAT_AUTO, LOG_LEVEL_INFO);
    log_info("here");

    _cleanup_free_ char *text = take_output();
    ck_assert_ptr_nonnull(strstr(text, "msg=here"));
    ck_assert_uint_eq(sent.count, 0);
}
END_TEST

START_TEST(what_the_journal_refuses_is_written_to_stderr)
{
    pretend_journal();
    journal_result = -ECONNREFUSED;
    log_init(LOG_FORMAT_AUTO, LOG_LEVEL_INFO);
    log_info("here");

    _cleanup_free_ char *text = take_output();
    ck_assert_ptr_nonnull(strstr(text, "msg=here"));
}
END_TEST

START_TEST(every_event_has_a_name_and_an_id_of_its_own_and_is_explained)
{
    _cleanup_strv_ Strv seen = {};

    ck_assert_ptr_null(log_event_info(LOG_EVENT_NONE)->name);
    ck_assert_ptr_null(log_event_info(LOG_EVENT_NONE)->message_id);
    for (int kind = 0; kind < _ERR_KIND_MAX; kind++)
        strv_add(&seen, err_kind_info(kind)->message_id);

    for (int event = LOG_EVENT_NONE + 1; event < _LOG_EVENT_MAX; event++) {
        const LogEventInfo *info = log_event_info(event);
        ck_assert_ptr_nonnull(info->name);
        assert_matches(info->message_id, "^[0-9a-f]{32}$");
        assert_matches(info->subject, "^[A-Z].*[^.]$");
        assert_matches(info->explanation, "^[A-Z].*\\.$");
        ck_assert(!strv_contains(&seen, info->name) && !strv_contains(&seen, info->message_id));
        strv_add(&seen, info->name);
        strv_add(&seen, info->message_id);
    }
}
END_TEST

START_TEST(formats_and_levels_are_known_by_their_names)
{
    static const char *const formats[] = { "auto", "journal", "human", "logfmt", "json" };
    static const char *const levels[] = { "error", "warning", "notice", "info", "debug" };
    LogFormat format;
    LogLevel level;

    for (int i = 0; i < _LOG_FORMAT_MAX; i++) {
        ck_assert_int_eq(log_format_from_string(formats[i], &format), 0);
        ck_assert_int_eq(format, i);
    }
    for (int i = 0; i < _LOG_LEVEL_MAX; i++) {
        ck_assert_int_eq(log_level_from_string(levels[i], &level), 0);
        ck_assert_int_eq(level, i);
    }
    ck_assert_int_eq(log_format_from_string("xml", &format), -EINVAL);
    ck_assert_int_eq(log_level_from_string("loud", &level), -EINVAL);
}
END_TEST

static const UnitTest tests[] = {
    UNIT_TEST(an_event_is_one_logfmt_line_with_its_context),
    UNIT_TEST(an_error_carries_its_reason_and_hint),
    UNIT_TEST(what_is_below_the_level_is_not_written),
    UNIT_TEST(context_that_was_removed_is_gone),
    UNIT_TEST(any_byte_survives_logfmt_on_one_line),
    UNIT_TEST(a_logfmt_value_is_quoted_only_where_it_must_be),
    UNIT_TEST(json_is_one_object_a_line_with_numbers_as_numbers),
    UNIT_TEST(a_line_for_people_has_time_level_and_message),
    UNIT_TEST(several_lines_and_a_hint_stand_below_each_other),
    UNIT_TEST(nothing_hostile_reaches_a_terminal),
    UNIT_TEST(colour_is_for_terminals_without_no_color),
    UNIT_TEST(a_dumb_terminal_gets_no_escape_sequences),
    UNIT_TEST(log_lines_are_written_above_the_progress_line),
    UNIT_TEST(the_progress_line_fits_the_terminal),
    UNIT_TEST(the_journal_gets_all_fields_in_one_message),
    UNIT_TEST(an_event_has_its_own_message_id_in_the_journal),
    UNIT_TEST(a_redirected_stderr_is_not_the_journal),
    UNIT_TEST(what_the_journal_refuses_is_written_to_stderr),
    UNIT_TEST(every_event_has_a_name_and_an_id_of_its_own_and_is_explained),
    UNIT_TEST(formats_and_levels_are_known_by_their_names),
};
UNIT_MAIN("log", tests)
