#include "unit.h"

#include <iconv.h>
#include <string.h>

#include "sys/utf8.h"

/* The C library's own decoder is the judge. */
static bool iconv_accepts(iconv_t cd, const char *s)
{
    (void)iconv(cd, NULL, NULL, NULL, NULL); /* begins anew */
    char *in = (char *)(uintptr_t)s;
    size_t in_left = strlen(s);
    char out[64], *p = out;
    size_t out_left = sizeof(out);
    return iconv(cd, &in, &in_left, &p, &out_left) != (size_t)-1;
}

START_TEST(every_code_point_is_read_back)
{
    iconv_t cd = iconv_open("UTF-8", "UTF-32LE");
    ck_assert(cd != (iconv_t)-1);

    for (uint32_t code = 1; code <= 0x10FFFF; code++) {
        if (code >= 0xD800 && code <= 0xDFFF)
            continue;
        char text[8] = { 0 }, *in = (char *)&code, *out = text;
        size_t in_left = sizeof(code), out_left = sizeof(text);
        ck_assert_uint_eq(iconv(cd, &in, &in_left, &out, &out_left), 0);

        uint32_t read = 0;
        ck_assert_uint_eq(utf8_next(text, &read), strlen(text));
        ck_assert_uint_eq(read, code);
    }
    iconv_close(cd);
}
END_TEST

static bool utf8_next_accepts(const char *s)
{
    size_t size = 0;
    while (*s && (size = utf8_next(s, /* ret_code= */ NULL)) > 0)
        s += size;
    return *s == '\0';
}

START_TEST(every_pair_of_bytes_is_judged_as_the_c_library_does)
{
    iconv_t cd = iconv_open("UTF-32LE", "UTF-8");
    ck_assert(cd != (iconv_t)-1);

    for (unsigned a = 1; a < 256; a++)
        for (unsigned b = 1; b < 256; b++) {
            const char text[] = { (char)a, (char)b, 0 };
            ck_assert_int_eq(utf8_next_accepts(text), iconv_accepts(cd, text));
        }
    iconv_close(cd);
}
END_TEST

/* The Unicode standard's table 3-7, at its edges. */
START_TEST(overlong_forms_surrogates_and_what_lies_above_unicode_are_refused)
{
    static const char *const bad[] = {
        "\xC0\x80",         "\xC1\xBF",         "\xE0\x9F\xBF", "\xED\xA0\x80", "\xED\xBF\xBF",
        "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80", "\xF5\x80",     "\xE2\x82",     "\xF0\x9F\x98",
    };
    static const char *const good[] = {
        "\xC2\x80",     "\xE0\xA0\x80",     "\xED\x9F\xBF",     "\xEE\x80\x80",
        "\xEF\xBF\xBF", "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF",
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        ck_assert_uint_eq(utf8_next(bad[i], NULL), 0);
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        ck_assert_uint_eq(utf8_next(good[i], NULL), strlen(good[i]));
}
END_TEST

START_TEST(what_steers_a_terminal_is_a_control_character)
{
    static const uint32_t controls[] = { '\n', '\r', 0x1B, 0x7F, 0x85, 0x9B, 0x2028, 0x202E };
    static const uint32_t harmless[] = { ' ', '~', 0xA0, 0xE9, 0x20AC, 0x1F600 };

    for (size_t i = 0; i < sizeof(controls) / sizeof(controls[0]); i++)
        ck_assert(utf8_is_control(controls[i]));
    for (size_t i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++)
        ck_assert(!utf8_is_control(harmless[i]));
}
END_TEST

static const UnitTest tests[] = {
    UNIT_TEST(every_code_point_is_read_back),
    UNIT_TEST(every_pair_of_bytes_is_judged_as_the_c_library_does),
    UNIT_TEST(overlong_forms_surrogates_and_what_lies_above_unicode_are_refused),
    UNIT_TEST(what_steers_a_terminal_is_a_control_character),
};
UNIT_MAIN("utf8", tests)
