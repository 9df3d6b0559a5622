#include "net/push.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "net/http.h"
#include "sys/buf.h"
#include "sys/format.h"
#include "sys/mem.h"

#define CONNECT_TIMEOUT_SECONDS 5
#define TOTAL_TIMEOUT_SECONDS 30
#define WORDS_MAX ((size_t)400)

/* RFC 4648, section 5; the gateway wants a single '=' for the empty string. */
static void add_base64url(Buf *out, const char *text)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const unsigned char *p = (const unsigned char *)text;
    size_t left = strlen(text);

    if (left == 0)
        buf_addc(out, '=');
    for (size_t taken; left > 0; p += taken, left -= taken) {
        taken = left < 3 ? left : 3;
        uint32_t bits = (uint32_t)p[0] << 16;
        bits |= taken > 1 ? (uint32_t)p[1] << 8 : 0;
        bits |= taken > 2 ? p[2] : 0;
        for (size_t i = 0; i < 4; i++)
            buf_addc(out, i <= taken ? digits[bits >> (18 - 6 * i) & 0x3F] : '=');
    }
}

/* A path can hold neither an empty segment nor a slash in one, and "." and ".." are directions. */
static bool needs_base64(const char *value)
{
    return !*value || strchr(value, '/') || strcmp(value, ".") == 0 || strcmp(value, "..") == 0;
}

static void add_label(Buf *url, const char *name, const char *value)
{
    buf_addf(url, "/%s", name);
    if (needs_base64(value)) {
        buf_adds(url, "@base64/");
        add_base64url(url, value);
    } else {
        _cleanup_free_ char *escaped = http_escape(value);
        buf_addf(url, "/%s", escaped);
    }
}

static void add_base(Buf *out, const char *url)
{
    size_t size = strlen(url);
    while (size > 0 && url[size - 1] == '/')
        size--;
    buf_add(out, url, size);
}

/* The gateway's answer as part of a sentence: one line of bounded length. */
static char *words_of(const HttpResponse *response)
{
    static const char space[] = " \t\r\n";
    _cleanup_buf_ Buf words = {};

    buf_adds(&words, "");
    for (const char *p = response->body; *(p += strspn(p, space)) && words.size < WORDS_MAX;) {
        size_t size = strcspn(p, space);
        size_t room = WORDS_MAX - words.size;
        if (words.size > 0)
            buf_addc(&words, ' ');
        buf_add(&words, p, size < room ? size : room);
        p += size;
    }
    return words.size > 0 ? format_oneline(words.data) : mem_strdup("(no words)");
}

static const struct {
    long first, last; /* status */
    const char *hint;
} hints[] = {
    { 300, 399, "PUSHGATEWAY_URL has to name the gateway itself: redirects are not followed." },
    { 401, 403,
      "The gateway wants credentials: PUSHGATEWAY_URL may hold them, as in "
      "https://USER:PASSWORD@HOST." },
    { 404, 405, "PUSHGATEWAY_URL is the gateway's base address, without /metrics." },
};

static int refused(const HttpRequest *request, const HttpResponse *response, Err *err)
{
    _cleanup_free_ char *origin = http_origin(request->url);
    _cleanup_free_ char *words = words_of(response);

    int r = err_set(err, ERR_METRICS, "the Pushgateway at \"%s\" answered %ld: %s", origin,
                    response->status, words);
    for (size_t i = 0; i < ELEMENTSOF(hints); i++)
        if (response->status >= hints[i].first && response->status <= hints[i].last)
            err_hint(err, "%s", hints[i].hint);
    return r;
}

/* Whatever goes wrong on the way concerns the metrics only; being told to stop concerns all. */
static int undelivered(Err *cause, Err *err)
{
    if (cause->kind == ERR_CANCELLED) {
        err_move(err, cause);
        return -ECANCELED;
    }

    int r = err_set(err, ERR_METRICS, "%s", cause->message);
    err_hint(err, "Check that the Pushgateway runs and that PUSHGATEWAY_URL names it.");
    return r;
}

static int exchange(HttpRequest *request, Err *err)
{
    _cleanup_(http_response_done) HttpResponse response = {};
    _cleanup_err_ Err cause = {};

    request->connect_timeout_seconds = CONNECT_TIMEOUT_SECONDS;
    request->total_timeout_seconds = TOTAL_TIMEOUT_SECONDS;
    if (http_request(request, &response, &cause) < 0)
        return undelivered(&cause, err);
    if (response.status != 200 && response.status != 202)
        return refused(request, &response, err);
    return 0;
}

static int push(const char *method, const PushGroup *group, const char *text, Err *err)
{
    _cleanup_buf_ Buf path = {};

    add_base(&path, group->url);
    buf_adds(&path, "/metrics");
    add_label(&path, "job", group->job);
    add_label(&path, "instance", group->instance);

    HttpRequest request = {
        .method = method,
        .url = path.data,
        .content_type = "text/plain; version=0.0.4; charset=utf-8",
        .body = text,
        .body_size = strlen(text),
    };
    return exchange(&request, err);
}

int push_put(const PushGroup *group, const char *text, Err *err)
{
    return push("PUT", group, text, err);
}

int push_post(const PushGroup *group, const char *text, Err *err)
{
    return push("POST", group, text, err);
}

int push_probe(const char *url, Err *err)
{
    _cleanup_buf_ Buf path = {};

    add_base(&path, url);
    buf_adds(&path, "/-/ready");

    HttpRequest request = { .method = "GET", .url = path.data };
    return exchange(&request, err);
}
