#include "net/http.h"

#include <curl/curl.h>
#include <stdbool.h>
#include <string.h>

#include "sys/buf.h"
#include "sys/cancel.h"
#include "sys/mem.h"
#include "sys/progress.h"

#define BODY_MAX ((size_t)64 << 10)
#define LOW_SPEED_SECONDS 30L
#define POLL_MSEC 500 /* how often progress_tick() is called while nothing happens */

/* One request on its way. */
typedef struct Transfer {
    CURL *easy;
    CURLM *multi;
    struct curl_slist *headers;
    Buf body;
    char error[CURL_ERROR_SIZE];
} Transfer;

static void transfer_done(Transfer *t)
{
    if (t->multi && t->easy)
        curl_multi_remove_handle(t->multi, t->easy);
    curl_easy_cleanup(t->easy);
    curl_multi_cleanup(t->multi);
    curl_slist_free_all(t->headers);
    buf_done(&t->body);
}

/* libcurl's write callback. What is beyond the limit is read and dropped: the status counts, and
 * the total time-out ends a response without an end. */
static size_t receive(char *data, size_t one, size_t size, void *userdata)
{
    Transfer *t = userdata;
    size_t room = BODY_MAX - t->body.size;

    (void)one; /* always 1 */
    buf_add(&t->body, data, size < room ? size : room);
    return size;
}

static void add_header(Transfer *t, const char *header)
{
    struct curl_slist *list = curl_slist_append(t->headers, header);
    if (!list)
        mem_fail();
    t->headers = list;
}

static void set_method_and_body(Transfer *t, const HttpRequest *request)
{
    if (strcmp(request->method, "GET") == 0) {
        curl_easy_setopt(t->easy, CURLOPT_HTTPGET, 1L);
        return;
    }

    curl_easy_setopt(t->easy, CURLOPT_POSTFIELDS, request->body ? request->body : "");
    curl_easy_setopt(t->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_size);
    curl_easy_setopt(t->easy, CURLOPT_CUSTOMREQUEST, request->method);

    /* Without "Expect: 100-continue": a server that does not know it costs a second. */
    _cleanup_free_ char *type = mem_printf("Content-Type:%s%s", request->content_type ? " " : "",
                                           request->content_type ? request->content_type : "");
    add_header(t, type);
    add_header(t, "Expect:");
    curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->headers);
}

static void set_limits(Transfer *t, const HttpRequest *request)
{
    curl_easy_setopt(t->easy, CURLOPT_CONNECTTIMEOUT, request->connect_timeout_seconds);
    curl_easy_setopt(t->easy, CURLOPT_TIMEOUT, request->total_timeout_seconds);
    curl_easy_setopt(t->easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(t->easy, CURLOPT_LOW_SPEED_TIME, LOW_SPEED_SECONDS);
    curl_easy_setopt(t->easy, CURLOPT_NOSIGNAL, 1L);
    /* Or else a cancelled request waits for a name server that does not answer. */
    curl_easy_setopt(t->easy, CURLOPT_QUICK_EXIT, 1L);
}

/* Nothing here is left to libcurl's defaults that a later version, or a build of it, may change. */
static int set_security(Transfer *t, Err *err)
{
    curl_easy_setopt(t->easy, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(t->easy, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(t->easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(t->easy, CURLOPT_PATH_AS_IS, 1L);

    CURLcode code = curl_easy_setopt(t->easy, CURLOPT_PROTOCOLS_STR, "http,https");
    if (code != CURLE_OK)
        return err_set(err, ERR_INTERNAL, "this libcurl does not do http and https: %s",
                       curl_easy_strerror(code));
    return 0;
}

static int transfer_init(Transfer *t, const HttpRequest *request, Err *err)
{
    static bool initialised;

    if (!initialised && curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return err_set(err, ERR_INTERNAL, "could not initialise libcurl");
    initialised = true;

    t->easy = curl_easy_init();
    t->multi = curl_multi_init();
    if (!t->easy || !t->multi)
        mem_fail();

    int r = set_security(t, err);
    if (r < 0)
        return r;
    set_limits(t, request);
    set_method_and_body(t, request);
    curl_easy_setopt(t->easy, CURLOPT_URL, request->url);
    curl_easy_setopt(t->easy, CURLOPT_USERAGENT, "pg-backup/" PG_BACKUP_VERSION);
    curl_easy_setopt(t->easy, CURLOPT_ERRORBUFFER, t->error);
    curl_easy_setopt(t->easy, CURLOPT_WRITEFUNCTION, receive);
    curl_easy_setopt(t->easy, CURLOPT_WRITEDATA, t);
    return 0;
}

static CURLcode result_of(CURLM *multi)
{
    int left;

    for (CURLMsg *msg; (msg = curl_multi_info_read(multi, &left)) != NULL;)
        if (msg->msg == CURLMSG_DONE)
            return msg->data.result;
    return CURLE_FAILED_INIT;
}

/* Runs the transfer to its end, or until a signal asks to stop. A transfer that begins after that
 * signal is begun in spite of it: a run that was told to stop reports so. */
static int transfer_perform(Transfer *t, CURLcode *ret, Err *err)
{
    struct curl_waitfd cancel = { .fd = cancel_fd(), .events = CURL_WAIT_POLLIN };
    bool cancellable = cancel.fd >= 0 && !cancel_requested();
    int running = 1;

    CURLMcode code = curl_multi_add_handle(t->multi, t->easy);
    while (code == CURLM_OK) {
        if (cancellable && cancel_requested())
            return cancel_error(err);
        code = curl_multi_perform(t->multi, &running);
        if (running == 0)
            break;
        if (code == CURLM_OK)
            code = curl_multi_poll(t->multi, &cancel, cancellable, POLL_MSEC, /* numfds= */ NULL);
        progress_tick();
    }
    if (code != CURLM_OK)
        return err_set(err, ERR_INTERNAL, "libcurl failed: %s", curl_multi_strerror(code));

    *ret = result_of(t->multi);
    return 0;
}

int http_request(const HttpRequest *request, HttpResponse *ret, Err *err)
{
    _cleanup_(transfer_done) Transfer t = {};
    CURLcode code = CURLE_OK;
    long status = 0;

    int r = transfer_init(&t, request, err);
    if (r < 0)
        return r;
    r = transfer_perform(&t, &code, err);
    if (r < 0)
        return r;

    if (code != CURLE_OK) {
        _cleanup_free_ char *origin = http_origin(request->url);
        return err_set(err, ERR_UNREACHABLE, "no answer from \"%s\": %s", origin,
                       t.error[0] ? t.error : curl_easy_strerror(code));
    }

    curl_easy_getinfo(t.easy, CURLINFO_RESPONSE_CODE, &status);
    ret->status = status;
    ret->body_size = t.body.size;
    ret->body = buf_take(&t.body);
    return 0;
}

void http_response_done(HttpResponse *response)
{
    free(response->body);
    *response = (HttpResponse){};
}

char *http_origin(const char *url)
{
    static const CURLUPart secret[] = { CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_OPTIONS,
                                        CURLUPART_PATH, CURLUPART_QUERY,    CURLUPART_FRAGMENT };
    CURLU *parts = curl_url();
    char *origin = NULL;

    if (!parts)
        mem_fail();
    if (curl_url_set(parts, CURLUPART_URL, url, CURLU_GUESS_SCHEME) == CURLUE_OK) {
        for (size_t i = 0; i < ELEMENTSOF(secret); i++)
            curl_url_set(parts, secret[i], NULL, 0);
        curl_url_get(parts, CURLUPART_URL, &origin, 0);
    }
    curl_url_cleanup(parts);

    /* A URL that cannot be taken apart may have a password anywhere. */
    char *copy = mem_strdup(origin ? origin : "(malformed URL)");
    curl_free(origin);
    size_t size = strlen(copy);
    if (size > 0 && copy[size - 1] == '/') /* the empty path */
        copy[size - 1] = '\0';
    return copy;
}

char *http_escape(const char *text)
{
    char *escaped = curl_easy_escape(/* ignored since 7.82 */ NULL, text, (int)strlen(text));
    if (!escaped)
        mem_fail();

    char *copy = mem_strdup(escaped);
    curl_free(escaped);
    return copy;
}
