#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "backup/stored-files.h"
#include "sys/mem.h"

/* printf abc | sha256sum; printf '' | sha256sum */
#define SHA256_ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define SHA256_NONE "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static StoredFiles make_files(void)
{
    StoredFiles f = { 0 };

    stored_files_add(&f, "toc.dat", 3, SHA256_ABC);
    stored_files_add(&f, "3012.dat.gz", 0, SHA256_NONE);
    stored_files_sort(&f);
    return f;
}

static int parse(const char *files, StoredFiles *ret, Err *err)
{
    _cleanup_free_ char *text = mem_printf("{\"files\": %s}", files);
    _cleanup_json_ Json *json = NULL;

    ck_assert_int_eq(json_parse_object(text, strlen(text), &json, NULL), 0);
    return stored_files_from_json(json, ret, err);
}

START_TEST(what_is_written_is_read)
{
    _cleanup_stored_files_ StoredFiles f = make_files(), again = { 0 };
    _cleanup_json_ Json *json = json_new_object();

    stored_files_to_json(&f, json);
    ck_assert_int_eq(stored_files_from_json(json, &again, NULL), 0);
    ck_assert_uint_eq(again.count, 2);
    ck_assert_str_eq(again.items[0].name, "3012.dat.gz");
    ck_assert_str_eq(again.items[0].sha256, SHA256_NONE);
    ck_assert_uint_eq(stored_files_find(&again, "toc.dat")->bytes, 3);
    ck_assert_ptr_null(stored_files_find(&again, "toc"));
}
END_TEST

/* (printf '%s  d/3012.dat.gz\n' SHA256_NONE; printf '%s  d/toc.dat\n' SHA256_ABC) | sha256sum */
START_TEST(the_digest_is_that_of_what_sha256sum_prints)
{
    _cleanup_stored_files_ StoredFiles f = make_files();
    _cleanup_buf_ Buf text = { 0 };
    char sha256[TAP_SHA256_HEX_SIZE];

    stored_files_print(&f, "d", &text);
    ck_assert_str_eq(text.data, SHA256_NONE "  d/3012.dat.gz\n" SHA256_ABC "  d/toc.dat\n");
    ck_assert_int_eq(stored_files_digest(&f, "d", sha256, NULL), 0);
    ck_assert_str_eq(sha256, "347941ddfa6ac83a5b50812dc390ea674f74f19186617b645917ec2b894950dc");
    ck_assert_uint_eq(stored_files_bytes(&f), 3);
}
END_TEST

#define FILE_OF(name, bytes, sha256)                                                               \
    "{\"name\": \"" name "\", \"bytes\": " bytes ", \"sha256\": \"" sha256 "\"}"

START_TEST(what_no_list_of_ours_says_is_refused)
{
    static const char *const lists[] = {
        "null",
        "{}",
        "[1]",
        "[{}]",
        "[" FILE_OF("", "0", SHA256_NONE) "]",
        "[" FILE_OF("..", "0", SHA256_NONE) "]",
        "[" FILE_OF(".x", "0", SHA256_NONE) "]",
        "[" FILE_OF("a/b", "0", SHA256_NONE) "]",
        "[" FILE_OF("a b", "0", SHA256_NONE) "]",
        "[" FILE_OF("a\\nb", "0", SHA256_NONE) "]",
        "[" FILE_OF("a\\\\b", "0", SHA256_NONE) "]",
        "[" FILE_OF("a", "-1", SHA256_NONE) "]",
        "[" FILE_OF("a", "\"1\"", SHA256_NONE) "]",
        "[" FILE_OF("a", "0", "abc") "]",
        "[" FILE_OF("a", "0",
                    "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD") "]",
        "[" FILE_OF("b", "0", SHA256_NONE) ", " FILE_OF("a", "0", SHA256_NONE) "]",
        "[" FILE_OF("a", "0", SHA256_NONE) ", " FILE_OF("a", "0", SHA256_NONE) "]",
        "[" FILE_OF("a", "9223372036854775807", SHA256_NONE) ", " FILE_OF(
            "b", "9223372036854775807", SHA256_NONE) ", " FILE_OF("c", "9223372036854775807",
                                                                  SHA256_NONE) "]",
    };
    _cleanup_stored_files_ StoredFiles f = { 0 };
    _cleanup_err_ Err err = { 0 };

    ck_assert_msg(parse(lists[_i], &f, &err) < 0, "%s", lists[_i]);
    ck_assert_int_eq(err.kind, ERR_DAMAGED);
    ck_assert_uint_eq(f.count, 0);
}
END_TEST

static const UnitTest tests[] = {
    UNIT_TEST(what_is_written_is_read),
    UNIT_TEST(the_digest_is_that_of_what_sha256sum_prints),
    UNIT_LOOP(what_no_list_of_ours_says_is_refused, 18),
};

UNIT_MAIN("stored-files", tests)
