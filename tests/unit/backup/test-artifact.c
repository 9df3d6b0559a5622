#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "backup/artifact.h"
#include "sys/fs.h"
#include "sys/mem.h"

/* `date -u -d 2026-11-22T02:00:00Z +%s` */
#define MOMENT ((usec_t)1795312800 * USEC_PER_SEC)
#define STAMP "20261122T020000Z"

#define EURO "\xe2\x82\xac"
#define EURO_7 EURO EURO EURO EURO EURO EURO EURO
#define EURO_ENCODED "%E2%82%AC"
#define EURO_7_ENCODED                                                                             \
    EURO_ENCODED EURO_ENCODED EURO_ENCODED EURO_ENCODED EURO_ENCODED EURO_ENCODED EURO_ENCODED

/* The right column is RFC 3986's percent-encoding, written by hand. */
static const struct {
    const char *database, *encoded;
} names[] = {
    { "appdb", "appdb" },
    { "App.db_2-x", "App.db_2-x" },
    { "we\"ird", "we%22ird" },
    { "a/b", "a%2Fb" },
    { "-rf", "%2Drf" },
    { ".hidden", "%2Ehidden" },
    { ".", "%2E" },
    { "..", "%2E." },
    { "na\xc3\xafve caf\xc3\xa9", "na%C3%AFve%20caf%C3%A9" },
    { "x'; DROP", "x%27%3B%20DROP" },
    { "line\nbreak", "line%0Abreak" },
    { EURO_7 EURO_7 EURO_7, EURO_7_ENCODED EURO_7_ENCODED EURO_7_ENCODED },
    { "caf\xe9", "caf%E9" },
    { "globals", "%67lobals" },
    { "globals2", "globals2" },
    { "%", "%25" },
    { "_", "_" },
    { "a_" STAMP, "a_" STAMP },
    { "x_latest", "x_latest" },
    { "\\", "%5C" },
    { "\x7f", "%7F" },
};

START_TEST(a_name_is_percent_encoded)
{
    _cleanup_free_ char *encoded = artifact_encode(names[_i].database);
    ck_assert_str_eq(encoded, names[_i].encoded);
}
END_TEST

START_TEST(decoding_gives_the_name_back)
{
    _cleanup_free_ char *database = artifact_decode(names[_i].encoded);
    ck_assert_ptr_nonnull(database);
    ck_assert_str_eq(database, names[_i].database);
}
END_TEST

static const char *const foreign[] = {
    "",     ".lock", ".state", ".hidden",     "-rf",    "globals", "lost+found", "a b",  "a%41",
    "%61",  "a%2E",  "a%2Drf", "a%2f",        "%",      "a%",      "a%2",        "%zz",  "a%00",
    "a\nb", "a/b",   "..",     "caf\xc3\xa9", "%6C%6F", "a%5F",    "%2e",        "a%+1",
};

START_TEST(what_encoding_does_not_make_is_refused)
{
    ck_assert_ptr_null(artifact_decode(foreign[_i]));
}
END_TEST

/* A fixed sequence, so that a failure can be repeated. */
static uint32_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33);
}

static void random_name(uint64_t *state, char name[static 64])
{
    size_t length = 1 + next_random(state) % 63;
    for (size_t i = 0; i < length; i++)
        name[i] = (char)(1 + next_random(state) % 255);
    name[length] = '\0';
}

START_TEST(any_bytes_survive_the_round_trip)
{
    uint64_t state = 1;

    for (int i = 0; i < 20000; i++) {
        char name[64];
        random_name(&state, name);
        _cleanup_free_ char *encoded = artifact_encode(name);
        _cleanup_free_ char *decoded = artifact_decode(encoded);
        ck_assert_ptr_nonnull(decoded);
        ck_assert_str_eq(decoded, name);
    }
}
END_TEST

START_TEST(an_encoded_name_is_harmless_as_a_file_name)
{
    uint64_t state = 2;

    for (int i = 0; i < 20000; i++) {
        char name[64];
        random_name(&state, name);
        _cleanup_free_ char *encoded = artifact_encode(name);
        ck_assert_uint_eq(
            strspn(encoded, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-%"),
            strlen(encoded));
        ck_assert(encoded[0] != '.' && encoded[0] != '-');
        ck_assert_str_ne(encoded, ARTIFACT_GLOBALS);
    }
}
END_TEST

/* Mutations of what encoding makes are where two spellings of one name would be found. */
START_TEST(no_name_has_two_encodings)
{
    static const char alphabet[] = "%%%0123456789ABCDEFabcdefgl._-";
    uint64_t state = 3;
    int accepted = 0;

    for (int i = 0; i < 200000; i++) {
        char text[8] = "";
        size_t length = 1 + next_random(&state) % 7;
        for (size_t j = 0; j < length; j++)
            text[j] = alphabet[next_random(&state) % (sizeof(alphabet) - 1)];

        _cleanup_free_ char *database = artifact_decode(text);
        if (!database)
            continue;
        accepted++;
        _cleanup_free_ char *again = artifact_encode(database);
        ck_assert_str_eq(again, text);
    }
    ck_assert_int_gt(accepted, 1000);
}
END_TEST

START_TEST(the_longest_name_fits_into_a_directory_entry)
{
    char name[64];
    memset(name, 0xff, sizeof(name) - 1);
    name[63] = '\0';

    _cleanup_free_ char *encoded = artifact_encode(name);
    _cleanup_free_ char *stem = artifact_stem(encoded, MOMENT);
    _cleanup_free_ char *checksum = mem_printf("%s.sql.gz.sha256", stem);
    _cleanup_free_ char *tmp = fs_tmp_name(checksum);
    ck_assert_uint_le(strlen(tmp), 255);
}
END_TEST

START_TEST(a_stem_is_the_encoded_name_and_the_moment)
{
    _cleanup_free_ char *stem = artifact_stem("a%2Fb", MOMENT);
    ck_assert_str_eq(stem, "a%2Fb_" STAMP);
}
END_TEST

START_TEST(a_stem_splits_into_what_it_was_made_of)
{
    _cleanup_free_ char *stem = artifact_stem(names[_i].encoded, MOMENT);
    _cleanup_free_ char *encoded = NULL;
    usec_t when = 0;

    ck_assert(artifact_parse_stem(stem, &encoded, &when));
    ck_assert_str_eq(encoded, names[_i].encoded);
    ck_assert_uint_eq(when, MOMENT);
}
END_TEST

START_TEST(the_globals_have_a_stem_too)
{
    _cleanup_free_ char *encoded = NULL;
    ck_assert(artifact_parse_stem("globals_" STAMP, &encoded, NULL));
    ck_assert_str_eq(encoded, ARTIFACT_GLOBALS);
}
END_TEST

static const char *const no_stems[] = {
    "",
    "appdb",
    STAMP,
    "_" STAMP,
    "appdb" STAMP,
    "appdb-" STAMP,
    "appdb_20261122T020000",
    "appdb_20261322T020000Z",
    "appdb_20260230T020000Z",
    "appdb_" STAMP ".dump",
    "appdb_latest",
    "a b_" STAMP,
    "a%41_" STAMP,
    ".hidden_" STAMP,
    "-rf_" STAMP,
    "../appdb_" STAMP,
};

START_TEST(what_is_no_stem_is_refused)
{
    ck_assert(!artifact_parse_stem(no_stems[_i], NULL, NULL));
}
END_TEST

static const struct {
    const char *encoded, *file;
    ArtifactKind kind;
    const char *stem;
} files[] = {
    { "appdb", "appdb_" STAMP ".dump", ARTIFACT_DATA, "appdb_" STAMP },
    { "appdb", "appdb_" STAMP ".sql.gz", ARTIFACT_DATA, "appdb_" STAMP },
    { "appdb", "appdb_" STAMP ".sql.zst", ARTIFACT_DATA, "appdb_" STAMP },
    { "appdb", "appdb_" STAMP ".sql.lz4", ARTIFACT_DATA, "appdb_" STAMP },
    { "appdb", "appdb_" STAMP ".sql", ARTIFACT_DATA, "appdb_" STAMP },
    { "appdb", "appdb_" STAMP ".dir", ARTIFACT_DATA, "appdb_" STAMP },
    { "appdb", "appdb_" STAMP ".dir.sha256", ARTIFACT_CHECKSUM, "appdb_" STAMP },
    { "appdb", "appdb_" STAMP ".inventory.jsonl", ARTIFACT_INVENTORY, "appdb_" STAMP },
    { "appdb", "appdb_" STAMP ".dump.sha256", ARTIFACT_CHECKSUM, "appdb_" STAMP },
    { "appdb", "appdb_" STAMP ".sql.gz.sha256", ARTIFACT_CHECKSUM, "appdb_" STAMP },
    { "appdb", "appdb_" STAMP ".sql.sha256", ARTIFACT_CHECKSUM, "appdb_" STAMP },
    { "appdb", "appdb_" STAMP ".json", ARTIFACT_MANIFEST, "appdb_" STAMP },
    { "appdb", "appdb_" STAMP ".proof.json", ARTIFACT_COMPANION, "appdb_" STAMP },
    { "appdb", "appdb_latest.dump", ARTIFACT_LATEST, NULL },
    { "appdb", "appdb_latest.sql.gz", ARTIFACT_LATEST, NULL },
    { "globals", "globals_" STAMP ".sql.gz", ARTIFACT_DATA, "globals_" STAMP },
    { "x_latest", "x_latest_latest.dump", ARTIFACT_LATEST, NULL },
    { "x_latest", "x_latest_" STAMP ".dump", ARTIFACT_DATA, "x_latest_" STAMP },
    { "a_" STAMP, "a_" STAMP "_" STAMP ".json", ARTIFACT_MANIFEST, "a_" STAMP "_" STAMP },
};

START_TEST(each_file_of_a_backup_is_known_by_its_name)
{
    _cleanup_free_ char *stem = NULL;
    ArtifactKind kind;

    ck_assert(artifact_parse_file(files[_i].encoded, files[_i].file, &kind, &stem));
    ck_assert_int_eq(kind, files[_i].kind);
    ck_assert_pstr_eq(stem, files[_i].stem);
}
END_TEST

static const char *const foreign_files[] = {
    "",
    "README",
    "appdb",
    "appdb_" STAMP,
    "appdb_" STAMP ".",
    "appdb_" STAMP ".tar",
    "appdb_" STAMP ".inventory.json.gz",
    "appdb_" STAMP ".inventory.jsonl.sha256",
    "appdb_" STAMP ".dump.bak",
    "appdb_" STAMP ".dump.sha256.sha256",
    "appdb_" STAMP ".dumpx",
    "appdb_" STAMP "x.dump",
    "appdb_" STAMP ".sha256",
    "appdb_" STAMP ".json.sha256",
    "appdb_" STAMP ".Proof.json",
    "appdb_" STAMP ".a.b.json",
    "appdb_" STAMP "..json",
    "appdb_" STAMP ".json~",
    "appdb_20261122T0200Z.dump",
    "appdb_latest",
    "appdb_latest.json",
    "appdb_latest.dump.sha256",
    "."
    "appdb_" STAMP ".dump.tmp",
    "appdb2_" STAMP ".dump",
    "app_" STAMP ".dump",
    "appdb_x_" STAMP ".dump",
    "other_" STAMP ".dump",
    "other_latest.dump",
    "./appdb_" STAMP ".dump",
};

START_TEST(a_file_of_another_name_is_not_ours)
{
    ArtifactKind kind;
    ck_assert(!artifact_parse_file("appdb", foreign_files[_i], &kind, NULL));
}
END_TEST

START_TEST(a_directory_that_cannot_be_ours_has_no_files_of_ours)
{
    ArtifactKind kind;
    ck_assert(!artifact_parse_file("a b", "a b_" STAMP ".dump", &kind, NULL));
    ck_assert(!artifact_parse_file(".hidden", ".hidden_" STAMP ".json", &kind, NULL));
}
END_TEST

START_TEST(the_extension_says_how_to_open_the_file)
{
    ck_assert_str_eq(artifact_extension(BACKUP_FORMAT_CUSTOM, CODEC_ZSTD), ".dump");
    ck_assert_str_eq(artifact_extension(BACKUP_FORMAT_DIRECTORY, CODEC_NONE), ".dir");
    ck_assert_str_eq(artifact_extension(BACKUP_FORMAT_PLAIN, CODEC_GZIP), ".sql.gz");
    ck_assert_str_eq(artifact_extension(BACKUP_FORMAT_PLAIN, CODEC_ZSTD), ".sql.zst");
    ck_assert_str_eq(artifact_extension(BACKUP_FORMAT_PLAIN, CODEC_LZ4), ".sql.lz4");
    ck_assert_str_eq(artifact_extension(BACKUP_FORMAT_PLAIN, CODEC_NONE), ".sql");
}
END_TEST

static const UnitTest tests[] = {
    UNIT_LOOP(a_name_is_percent_encoded, ELEMENTSOF(names)),
    UNIT_LOOP(decoding_gives_the_name_back, ELEMENTSOF(names)),
    UNIT_LOOP(what_encoding_does_not_make_is_refused, ELEMENTSOF(foreign)),
    UNIT_TEST(any_bytes_survive_the_round_trip),
    UNIT_TEST(an_encoded_name_is_harmless_as_a_file_name),
    UNIT_TEST(no_name_has_two_encodings),
    UNIT_TEST(the_longest_name_fits_into_a_directory_entry),
    UNIT_TEST(a_stem_is_the_encoded_name_and_the_moment),
    UNIT_LOOP(a_stem_splits_into_what_it_was_made_of, ELEMENTSOF(names)),
    UNIT_TEST(the_globals_have_a_stem_too),
    UNIT_LOOP(what_is_no_stem_is_refused, ELEMENTSOF(no_stems)),
    UNIT_LOOP(each_file_of_a_backup_is_known_by_its_name, ELEMENTSOF(files)),
    UNIT_LOOP(a_file_of_another_name_is_not_ours, ELEMENTSOF(foreign_files)),
    UNIT_TEST(a_directory_that_cannot_be_ours_has_no_files_of_ours),
    UNIT_TEST(the_extension_says_how_to_open_the_file),
};
UNIT_MAIN("artifact", tests)
