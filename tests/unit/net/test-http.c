#include "unit.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gateway.h"
#include "net/http.h"
#include "sys/buf.h"
#include "sys/cancel.h"
#include "sys/clock.h"
#include "sys/mem.h"

/* A server for one request: sends what it is told to, whatever it is asked. */
typedef struct Server {
    pid_t pid;
    int request_fd; /* what it was asked, until it ends */
    char *url;
} Server;

typedef struct Answer {
    const char *text; /* NULL: none ever */
    size_t filler;    /* so many 'x' behind it */
    int signal;       /* sent to the test once the request is there */
} Answer;

/* Reads one request of which the body, if any, ends with "END". */
static void read_request(int fd, int request_fd)
{
    char data[65536];
    size_t size = 0;
    bool complete = false;

    while (!complete) {
        ssize_t n = read(fd, data + size, sizeof(data) - size);
        if (n <= 0)
            _exit(1);
        size += (size_t)n;
        complete = memmem(data, size, "Content-Length", 14)
                       ? size > 3 && memcmp(data + size - 3, "END", 3) == 0
                       : memmem(data, size, "\r\n\r\n", 4) != NULL;
    }
    if (write(request_fd, data, size) != (ssize_t)size)
        _exit(1);
    close(request_fd);
}

_Noreturn static void serve(int listener, int request_fd, const Answer *answer)
{
    char block[4096];

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int fd = accept(listener, NULL, NULL);
    read_request(fd, request_fd);
    if (answer->signal)
        kill(getppid(), answer->signal);
    if (!answer->text)
        for (;;)
            pause();

    dprintf(fd, "%s", answer->text);
    memset(block, 'x', sizeof(block));
    for (size_t left = answer->filler; left > 0;) {
        ssize_t n = write(fd, block, left < sizeof(block) ? left : sizeof(block));
        if (n < 0)
            break;
        left -= (size_t)n;
    }
    _exit(0);
}

static Server server_start(Answer answer)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof(address);
    int fds[2];

    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(listener, (struct sockaddr *)&address, size), 0);
    ck_assert_int_eq(listen(listener, 1), 0);
    ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);

    Server s = { .pid = fork(), .request_fd = fds[0] };
    ck_assert_int_ge(s.pid, 0);
    if (s.pid == 0)
        serve(listener, fds[1], &answer);
    close(listener);
    close(fds[1]);
    s.url = mem_printf("http://127.0.0.1:%d/path", ntohs(address.sin_port));
    return s;
}

static char *server_request(const Server *s)
{
    Buf request = {};
    char data[4096];
    ssize_t n;

    while ((n = read(s->request_fd, data, sizeof(data))) > 0)
        buf_add(&request, data, (size_t)n);
    return buf_take(&request);
}

static void server_stop(Server *s)
{
    kill(s->pid, SIGKILL);
    waitpid(s->pid, NULL, 0);
    close(s->request_fd);
    free(s->url);
}
#define _cleanup_server_ _cleanup_(server_stop)
#define _cleanup_response_ _cleanup_(http_response_done)

static HttpRequest get(const char *url)
{
    return (HttpRequest){
        .method = "GET",
        .url = url,
        .connect_timeout_seconds = 10,
        .total_timeout_seconds = 20,
    };
}

static void assert_contains(const char *text, const char *part)
{
    ck_assert_msg(strstr(text, part) != NULL, "no \"%s\" in \"%s\"", part, text);
}

START_TEST(a_response_is_one_whatever_its_status)
{
    _cleanup_server_ Server server =
        server_start((Answer){ .text = "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\ngone" });
    _cleanup_response_ HttpResponse response = {};
    _cleanup_err_ Err err = {};
    HttpRequest request = get(server.url);

    ck_assert_int_eq(http_request(&request, &response, &err), 0);
    ck_assert_int_eq(response.status, 404);
    ck_assert_str_eq(response.body, "gone");
    ck_assert_uint_eq(response.body_size, 4);
}
END_TEST

START_TEST(method_headers_and_body_arrive_as_given)
{
    static const char body[] = "a\0b\nEND";
    _cleanup_server_ Server server =
        server_start((Answer){ .text = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" });
    _cleanup_response_ HttpResponse response = {};
    HttpRequest request = get(server.url);
    request.method = "PUT";
    request.content_type = "text/plain";
    request.body = body;
    request.body_size = sizeof(body) - 1;

    ck_assert_int_eq(http_request(&request, &response, NULL), 0);
    _cleanup_free_ char *asked = server_request(&server);
    assert_contains(asked, "PUT /path HTTP/1.1\r\n");
    assert_contains(asked, "\r\nContent-Type: text/plain\r\n");
    assert_contains(asked, "\r\nContent-Length: 7\r\n");
    ck_assert_ptr_null(strstr(asked, "Expect"));
    ck_assert_mem_eq(strstr(asked, "\r\n\r\n") + 4, body, sizeof(body) - 1);
    ck_assert_str_eq(response.body, "");
}
END_TEST

START_TEST(a_redirect_is_not_followed)
{
    _cleanup_server_ Server server = server_start((Answer){
        .text =
            "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n" });
    _cleanup_response_ HttpResponse response = {};
    HttpRequest request = get(server.url);

    ck_assert_int_eq(http_request(&request, &response, NULL), 0);
    ck_assert_int_eq(response.status, 302);
}
END_TEST

START_TEST(a_flood_is_kept_up_to_64_kib)
{
    _cleanup_server_ Server server =
        server_start((Answer){ .text = "HTTP/1.0 200 OK\r\n\r\n", .filler = 1 << 20 });
    _cleanup_response_ HttpResponse response = {};
    HttpRequest request = get(server.url);

    ck_assert_int_eq(http_request(&request, &response, NULL), 0);
    ck_assert_uint_eq(response.body_size, 65536);
    ck_assert_uint_eq(strspn(response.body, "x"), 65536);
}
END_TEST

START_TEST(a_response_that_breaks_off_is_none)
{
    _cleanup_server_ Server server =
        server_start((Answer){ .text = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf" });
    HttpResponse response = {};
    _cleanup_err_ Err err = {};
    HttpRequest request = get(server.url);

    ck_assert_int_lt(http_request(&request, &response, &err), 0);
    ck_assert_int_eq(err.kind, ERR_UNREACHABLE);
    ck_assert_ptr_null(response.body);
}
END_TEST

START_TEST(a_server_that_never_answers_is_given_up)
{
    _cleanup_server_ Server server = server_start((Answer){ .text = NULL });
    HttpResponse response = {};
    _cleanup_err_ Err err = {};
    HttpRequest request = get(server.url);
    request.total_timeout_seconds = 1;

    ck_assert_int_lt(http_request(&request, &response, &err), 0);
    ck_assert_int_eq(err.kind, ERR_UNREACHABLE);
    assert_contains(err.message, "timed out");
}
END_TEST

START_TEST(a_signal_stops_a_request_under_way)
{
    ck_assert_int_eq(cancel_init(), 0);
    _cleanup_server_ Server server = server_start((Answer){ .text = NULL, .signal = SIGTERM });
    HttpResponse response = {};
    _cleanup_err_ Err err = {};
    HttpRequest request = get(server.url);
    usec_t start = clock_monotonic();

    ck_assert_int_lt(http_request(&request, &response, &err), 0);
    ck_assert_int_eq(err.kind, ERR_CANCELLED);
    ck_assert_uint_lt(clock_monotonic() - start, 10 * USEC_PER_SEC);
}
END_TEST

START_TEST(nobody_listening_is_said_in_libcurls_words)
{
    HttpResponse response = {};
    _cleanup_err_ Err err = {};
    HttpRequest request = get("http://127.0.0.1:1/path");

    ck_assert_int_lt(http_request(&request, &response, &err), 0);
    ck_assert_int_eq(err.kind, ERR_UNREACHABLE);
    assert_contains(err.message, "no answer from \"http://127.0.0.1:1\": ");
    assert_contains(err.message, "connect");
}
END_TEST

START_TEST(only_http_and_https_are_spoken)
{
    HttpResponse response = {};
    _cleanup_err_ Err err = {};
    HttpRequest request = get("file:///etc/hostname");

    ck_assert_int_lt(http_request(&request, &response, &err), 0);
    ck_assert_int_eq(err.kind, ERR_UNREACHABLE);
    ck_assert_ptr_null(response.body);
}
END_TEST

START_TEST(secrets_in_a_url_reach_the_server_but_no_message)
{
    _cleanup_server_ Server server =
        server_start((Answer){ .text = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" });
    _cleanup_free_ char *url = mem_printf("http://user:hunter2@%s", server.url + strlen("http://"));
    _cleanup_response_ HttpResponse response = {};
    HttpRequest request = get(url);

    ck_assert_int_eq(http_request(&request, &response, NULL), 0);
    _cleanup_free_ char *asked = server_request(&server);
    assert_contains(asked, "\r\nAuthorization: Basic dXNlcjpodW50ZXIy\r\n");

    static const char *const urls[] = {
        "http://user:hunter2@127.0.0.1:1/",       "http://127.0.0.1:1/hunter2",
        "http://127.0.0.1:1/?key=hunter2",        "http://user:hunter2@127.0.0.1:port/",
        "http://user:a/hunter2@127.0.0.1:1/path", "gopher://user:hunter2@127.0.0.1:1/",
    };
    for (size_t i = 0; i < ELEMENTSOF(urls); i++) {
        _cleanup_err_ Err err = {};
        request = get(urls[i]);
        ck_assert_int_lt(http_request(&request, &response, &err), 0);
        ck_assert_msg(strstr(err.message, "hunter2") == NULL, "%s", err.message);
    }
}
END_TEST

START_TEST(the_origin_of_a_url_is_its_scheme_host_and_port)
{
    static const struct {
        const char *url, *origin;
    } cases[] = {
        { "https://example.org", "https://example.org" },
        { "https://u:p@example.org:8443/a/b?c#d", "https://example.org:8443" },
        { "http://[::1]:9091/", "http://[::1]:9091" },
        { "http://u:p@host:port/", "(malformed URL)" },
    };

    for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
        _cleanup_free_ char *origin = http_origin(cases[i].url);
        ck_assert_str_eq(origin, cases[i].origin);
    }
}
END_TEST

START_TEST(a_certificate_that_nobody_vouches_for_is_refused)
{
    char *dir = unit_mkdir();
    _cleanup_free_ char *make = mem_printf(
        "cd %s && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes "
        "-keyout key.pem -out cert.pem -days 1 -subj /CN=127.0.0.1 "
        "-addext subjectAltName=IP:127.0.0.1 2>/dev/null",
        dir);
    _cleanup_free_ char *config = mem_printf(
        "tls_server_config:\n  cert_file: %s/cert.pem\n  key_file: %s/key.pem\n", dir, dir);
    _cleanup_free_ char *config_path = mem_printf("%s/web.yml", dir);
    ck_assert_int_eq(system(make), 0);
    unit_write_file(dir, "web.yml", config, strlen(config));

    _cleanup_gateway_ Gateway gateway = gateway_start(config_path);
    _cleanup_free_ char *url = mem_printf("https://%s/", gateway.address);
    HttpResponse response = {};
    _cleanup_err_ Err err = {};
    HttpRequest request = get(url);

    ck_assert_int_lt(http_request(&request, &response, &err), 0);
    ck_assert_int_eq(err.kind, ERR_UNREACHABLE);
    assert_contains(err.message, "certificate");
    unit_rmdir(dir);
}
END_TEST

/* RFC 3986, section 2.3: what is unreserved stays. */
START_TEST(a_segment_of_a_path_is_percent_encoded)
{
    _cleanup_free_ char *plain = http_escape("AZaz09-._~");
    _cleanup_free_ char *other = http_escape("a/b c%?#\xC3\xA9\n");

    ck_assert_str_eq(plain, "AZaz09-._~");
    ck_assert_str_eq(other, "a%2Fb%20c%25%3F%23%C3%A9%0A");
}
END_TEST

static const UnitTest tests[] = {
    UNIT_TEST(a_response_is_one_whatever_its_status),
    UNIT_TEST(method_headers_and_body_arrive_as_given),
    UNIT_TEST(a_redirect_is_not_followed),
    UNIT_TEST(a_flood_is_kept_up_to_64_kib),
    UNIT_TEST(a_response_that_breaks_off_is_none),
    UNIT_TEST(a_server_that_never_answers_is_given_up),
    UNIT_TEST(a_signal_stops_a_request_under_way),
    UNIT_TEST(nobody_listening_is_said_in_libcurls_words),
    UNIT_TEST(only_http_and_https_are_spoken),
    UNIT_TEST(secrets_in_a_url_reach_the_server_but_no_message),
    UNIT_TEST(the_origin_of_a_url_is_its_scheme_host_and_port),
    UNIT_TEST(a_certificate_that_nobody_vouches_for_is_refused),
    UNIT_TEST(a_segment_of_a_path_is_percent_encoded),
};
UNIT_MAIN("http", tests)
