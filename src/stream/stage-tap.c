#include "stream/stage-tap.h"

#include <assert.h>
#include <openssl/evp.h>
#include <string.h>

#include "sys/mem.h"

#define SHA256_SIZE 32

typedef struct StageTap {
    Stage stage;
    bool counting;      /* no SHA-256 is wanted */
    EVP_MD_CTX *sha256; /* NULL where none is wanted, or OpenSSL has none to offer */
    uint64_t bytes;
    char head[TAP_EDGE_SIZE + 1]; /* + 1: the NUL */
    char tail[TAP_EDGE_SIZE + 1];
    char hex[TAP_SHA256_HEX_SIZE]; /* "" until finish */
} StageTap;

/* How many bytes of an edge are in use. */
static size_t edge_size(const StageTap *t)
{
    return t->bytes < TAP_EDGE_SIZE ? (size_t)t->bytes : TAP_EDGE_SIZE;
}

static void remember_head(StageTap *t, const void *data, size_t size)
{
    size_t used = edge_size(t), room = TAP_EDGE_SIZE - used;
    memcpy(t->head + used, data, size < room ? size : room);
}

static void remember_tail(StageTap *t, const void *data, size_t size)
{
    if (size >= TAP_EDGE_SIZE) {
        memcpy(t->tail, (const char *)data + (size - TAP_EDGE_SIZE), TAP_EDGE_SIZE);
        return;
    }

    size_t used = edge_size(t), room = TAP_EDGE_SIZE - size;
    size_t keep = used < room ? used : room;
    memmove(t->tail, t->tail + (used - keep), keep);
    memcpy(t->tail + keep, data, size);
}

static int sha256_error(Err *err)
{
    return err_set(err, ERR_INTERNAL, "OpenSSL could not compute a SHA-256 digest");
}

static int tap_write(Stage *s, const void *data, size_t size, Err *err)
{
    StageTap *t = (StageTap *)s;

    if (!t->counting && (!t->sha256 || EVP_DigestUpdate(t->sha256, data, size) != 1))
        return sha256_error(err);

    remember_head(t, data, size);
    remember_tail(t, data, size);
    t->bytes += size;
    return stage_forward(s, data, size, err);
}

static void format_hex(const unsigned char digest[static SHA256_SIZE],
                       char ret[static TAP_SHA256_HEX_SIZE])
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < SHA256_SIZE; i++) {
        ret[2 * i] = digits[digest[i] >> 4];
        ret[2 * i + 1] = digits[digest[i] & 15];
    }
    ret[2 * SHA256_SIZE] = '\0';
}

static int tap_finish(Stage *s, Err *err)
{
    StageTap *t = (StageTap *)s;
    unsigned char digest[SHA256_SIZE];

    if (t->counting)
        return 0;
    if (!t->sha256 || EVP_DigestFinal_ex(t->sha256, digest, NULL) != 1)
        return sha256_error(err);

    format_hex(digest, t->hex);
    return 0;
}

static void tap_free(Stage *s)
{
    StageTap *t = (StageTap *)s;
    EVP_MD_CTX_free(t->sha256);
    free(t);
}

static const StageOps tap_ops = {
    .name = "tap",
    .write = tap_write,
    .finish = tap_finish,
    .free = tap_free,
};

Stage *stage_tap_new_counting(void)
{
    StageTap *t = mem_zero(1, sizeof(*t));
    t->stage.ops = &tap_ops;
    t->counting = true;
    return &t->stage;
}

Stage *stage_tap_new(void)
{
    StageTap *t = mem_zero(1, sizeof(*t));
    t->stage.ops = &tap_ops;
    t->sha256 = EVP_MD_CTX_new();
    if (!t->sha256)
        mem_fail();

    if (EVP_DigestInit_ex(t->sha256, EVP_sha256(), NULL) != 1) {
        EVP_MD_CTX_free(t->sha256);
        t->sha256 = NULL;
    }
    return &t->stage;
}

static const StageTap *tap_of(const Stage *s)
{
    assert(s->ops == &tap_ops);
    return (const StageTap *)s;
}

uint64_t stage_tap_bytes(const Stage *s)
{
    return tap_of(s)->bytes;
}

const char *stage_tap_sha256(const Stage *s)
{
    const StageTap *t = tap_of(s);
    return t->counting ? NULL : t->hex;
}

const char *stage_tap_head(Stage *s, size_t *ret_size)
{
    const StageTap *t = tap_of(s);
    if (ret_size)
        *ret_size = edge_size(t);
    return t->head;
}

const char *stage_tap_tail(Stage *s, size_t *ret_size)
{
    const StageTap *t = tap_of(s);
    if (ret_size)
        *ret_size = edge_size(t);
    return t->tail;
}

int tap_sha256_of(const void *data, size_t size, char ret[static TAP_SHA256_HEX_SIZE], Err *err)
{
    unsigned char digest[SHA256_SIZE];

    if (EVP_Digest(data, size, digest, NULL, EVP_sha256(), NULL) != 1)
        return sha256_error(err);
    format_hex(digest, ret);
    return 0;
}
