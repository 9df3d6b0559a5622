#pragma once

/* One HTTP request at a time by libcurl, of which this is the only user. TLS is always verified,
 * redirects are not followed, every request has time-outs (connect, total, and a low-speed limit).
 */

#include "sys/err.h"

#include <stddef.h>

typedef struct HttpRequest {
    const char *method;       /* "PUT", "GET" … */
    const char *url;          /* http:// or https:// */
    const char *content_type; /* of the body, or NULL */
    const void *body;
    size_t body_size;
    long connect_timeout_seconds;
    long total_timeout_seconds;
} HttpRequest;

typedef struct HttpResponse {
    long status;
    char *body; /* at most 64 KiB of it, NUL-terminated */
    size_t body_size;
} HttpResponse;

/* 0 when a response arrived, whatever its status. ERR_UNREACHABLE otherwise, with libcurl's own
 * words; ERR_CANCELLED when a signal asks to stop meanwhile. A request that is made after such a
 * signal runs all the same: it is what the program has to say at its end. */
int http_request(const HttpRequest *request, HttpResponse *ret, Err *err);
void http_response_done(HttpResponse *response);

/* "https://gateway:9091": scheme, host and port of a URL, for messages. What else it holds (a
 * user's name and password, a path, a query) may be secret. Caller frees. */
char *http_origin(const char *url);

/* Percent-encodes one segment of a path (RFC 3986 unreserved characters stay). Caller frees. */
char *http_escape(const char *text);
