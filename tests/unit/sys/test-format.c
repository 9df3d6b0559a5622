#include "unit.h"

#include <stdint.h>

#include "sys/format.h"
#include "sys/mem.h"

#define KIB ((uint64_t)1 << 10)
#define MIB ((uint64_t)1 << 20)
#define GIB ((uint64_t)1 << 30)

typedef struct NumberCase {
    uint64_t number;
    const char *text;
} NumberCase;

static const NumberCase count_cases[] = {
    { 0, "0" },
    { 999, "999" },
    { 1000, "1,000" },
    { 123456, "123,456" },
    { 1204331, "1,204,331" },
    { UINT64_MAX, "18,446,744,073,709,551,615" },
};

START_TEST(counts_are_grouped_by_thousands)
{
    _cleanup_free_ char *text = format_count(count_cases[_i].number);
    ck_assert_str_eq(text, count_cases[_i].text);
}
END_TEST

static const NumberCase bytes_cases[] = {
    { 0, "0 B" },
    { 1, "1 B" },
    { 999, "999 B" },
    { 1000, "0.98 KiB" },
    { KIB, "1.00 KiB" },
    { 10 * KIB, "10.0 KiB" },
    { 100 * KIB, "100 KiB" },
    { 10 * KIB - 1, "10.0 KiB" }, /* not "10.00" */
    { 100 * KIB - 1, "100 KiB" }, /* not "100.0" */
    { 999 * KIB, "999 KiB" },
    { MIB - 1, "1.00 MiB" }, /* not "1024 KiB" */
    { 43200000, "41.2 MiB" },
    { GIB + GIB / 2, "1.50 GiB" },
    { UINT64_MAX, "16.0 EiB" },
};

START_TEST(bytes_have_binary_units_and_three_digits)
{
    _cleanup_free_ char *text = format_bytes(bytes_cases[_i].number);
    ck_assert_str_eq(text, bytes_cases[_i].text);
}
END_TEST

static const NumberCase duration_cases[] = {
    { 0, "0.0 s" },
    { 449999, "0.4 s" },
    { 9999999, "9.9 s" },
    { 12 * USEC_PER_SEC, "12 s" },
    { 60 * USEC_PER_SEC - 1, "59 s" },
    { 60 * USEC_PER_SEC, "1 min 00 s" },
    { 192 * USEC_PER_SEC, "3 min 12 s" },
    { 3600 * USEC_PER_SEC - 1, "59 min 59 s" },
    { 7500 * USEC_PER_SEC, "2 h 05 min" },
    { 100 * 3600 * USEC_PER_SEC, "100 h 00 min" },
};

START_TEST(durations_have_two_units_at_most)
{
    _cleanup_free_ char *text = format_duration(duration_cases[_i].number);
    ck_assert_str_eq(text, duration_cases[_i].text);
}
END_TEST

static const NumberCase age_cases[] = {
    { 0, "0 s" },       { 12, "12 s" },    { 119, "119 s" },
    { 120, "2 min" },   { 359, "5 min" },  { 7199, "119 min" },
    { 7200, "2 h" },    { 93600, "26 h" }, /* the default of MAX_BACKUP_AGE_SECONDS */
    { 172799, "47 h" }, { 172800, "2 d" }, { 14 * 86400 + 86399, "14 d" },
};

START_TEST(ages_have_one_unit_and_are_rounded_down)
{
    _cleanup_free_ char *text = format_age(age_cases[_i].number * USEC_PER_SEC + 999999);
    ck_assert_str_eq(text, age_cases[_i].text);
}
END_TEST

static const struct {
    const char *text;
    const char *line;
} oneline_cases[] = {
    { "", "" },
    { "plain text, \"quoted\"", "plain text, \"quoted\"" },
    { "na\u00efve caf\u00e9 \u4e2d \U0001f418", "na\u00efve caf\u00e9 \u4e2d \U0001f418" },
    { "a\nb\tc\rd", "a\\nb\\tc\\rd" },
    { "a\\nb", "a\\\\nb" }, /* a backslash of the text is none of ours */
    { "\x1b[31mred\x07", "\\x1B[31mred\\x07" },
    { "\x7f", "\\x7F" },
    { "\xc2\x9b", "\\xC2\\x9B" },         /* CSI as one character of C1 */
    { "\xff\xfe", "\\xFF\\xFE" },         /* never in UTF-8 */
    { "caf\xe9!", "caf\\xE9!" },          /* Latin-1 */
    { "\xe4\xb8", "\\xE4\\xB8" },         /* cut off */
    { "\xc0\xaf", "\\xC0\\xAF" },         /* overlong */
    { "\xed\xa0\x80", "\\xED\\xA0\\x80" } /* a surrogate */
};

START_TEST(hostile_text_becomes_one_harmless_line)
{
    _cleanup_free_ char *line = format_oneline(oneline_cases[_i].text);
    ck_assert_str_eq(line, oneline_cases[_i].line);
}
END_TEST

static const UnitTest tests[] = {
    UNIT_LOOP(counts_are_grouped_by_thousands, ELEMENTSOF(count_cases)),
    UNIT_LOOP(bytes_have_binary_units_and_three_digits, ELEMENTSOF(bytes_cases)),
    UNIT_LOOP(durations_have_two_units_at_most, ELEMENTSOF(duration_cases)),
    UNIT_LOOP(ages_have_one_unit_and_are_rounded_down, ELEMENTSOF(age_cases)),
    UNIT_LOOP(hostile_text_becomes_one_harmless_line, ELEMENTSOF(oneline_cases)),
};
UNIT_MAIN("format", tests)
