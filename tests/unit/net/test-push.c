#include "unit.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gateway.h"
#include "net/http.h"
#include "net/push.h"
#include "sys/cancel.h"
#include "sys/clock.h"
#include "sys/mem.h"

static int push(const char *url, const char *instance, const char *text, Err *err)
{
    return push_put(&(PushGroup){ .url = url, .job = "pg-backup", .instance = instance }, text,
                    err);
}

/* What Prometheus would scrape. */
static char *scrape(const Gateway *g)
{
    _cleanup_free_ char *url = mem_printf("%s/metrics", g->url);
    HttpRequest request = {
        .method = "GET", .url = url, .connect_timeout_seconds = 10, .total_timeout_seconds = 10
    };
    HttpResponse response = {};

    ck_assert_int_eq(http_request(&request, &response, NULL), 0);
    ck_assert_int_eq(response.status, 200);
    return response.body;
}

static void assert_contains(const char *text, const char *part)
{
    ck_assert_msg(strstr(text, part) != NULL, "no\n%s\nin\n%s", part, text);
}

START_TEST(what_was_pushed_is_there_to_scrape)
{
    _cleanup_gateway_ Gateway gateway = gateway_start(NULL);
    _cleanup_err_ Err err = {};

    int r = push(gateway.url, "main", "# TYPE a gauge\na{database=\"x\"} 42\n", &err);
    ck_assert_msg(r == 0, "%s", err.message);
    _cleanup_free_ char *text = scrape(&gateway);
    assert_contains(text, "a{database=\"x\",instance=\"main\",job=\"pg-backup\"} 42\n");
}
END_TEST

START_TEST(a_push_replaces_what_the_instance_pushed_before_and_nothing_else)
{
    _cleanup_gateway_ Gateway gateway = gateway_start(NULL);

    ck_assert_int_eq(push(gateway.url, "one", "old 1\n", NULL), 0);
    ck_assert_int_eq(push(gateway.url, "two", "other 1\n", NULL), 0);
    ck_assert_int_eq(push(gateway.url, "one", "new 1\n", NULL), 0);
    _cleanup_free_ char *text = scrape(&gateway);
    assert_contains(text, "new{instance=\"one\"");
    assert_contains(text, "other{instance=\"two\"");
    ck_assert_ptr_null(strstr(text, "old{"));
}
END_TEST

START_TEST(a_post_replaces_metrics_of_the_same_name_and_keeps_the_others)
{
    _cleanup_gateway_ Gateway gateway = gateway_start(NULL);
    const PushGroup group = { .url = gateway.url, .job = "pg-backup", .instance = "main" };

    ck_assert_int_eq(push_put(&group, "kept 1\nchanged 1\n", NULL), 0);
    ck_assert_int_eq(push_post(&group, "changed 2\n", NULL), 0);
    _cleanup_free_ char *text = scrape(&gateway);
    assert_contains(text, "kept{instance=\"main\",job=\"pg-backup\"} 1\n");
    assert_contains(text, "changed{instance=\"main\",job=\"pg-backup\"} 2\n");
}
END_TEST

START_TEST(an_address_may_end_with_slashes)
{
    _cleanup_gateway_ Gateway gateway = gateway_start(NULL);
    _cleanup_free_ char *url = mem_printf("%s//", gateway.url);

    ck_assert_int_eq(push(url, "main", "a 42\n", NULL), 0);
    ck_assert_int_eq(push_probe(url, NULL), 0);
}
END_TEST

static const struct {
    const char *instance, *label;
} instances[] = {
    { "a/b", "a/b" },
    { "/", "/" },
    { "", "" },
    { ".", "." },
    { "..", ".." },
    { "na\xC3\xAFve caf\xC3\xA9/?", "na\xC3\xAFve caf\xC3\xA9/?" },
    { "a b?c#d%2F&e+f", "a b?c#d%2F&e+f" },
    { "we\"ird", "we\\\"ird" },
};

START_TEST(any_instance_arrives_as_it_is)
{
    _cleanup_gateway_ Gateway gateway = gateway_start(NULL);
    _cleanup_err_ Err err = {};

    int r = push(gateway.url, instances[_i].instance, "a 42\n", &err);
    ck_assert_msg(r == 0, "%s", err.message);
    _cleanup_free_ char *text = scrape(&gateway);
    _cleanup_free_ char *sample =
        mem_printf("a{instance=\"%s\",job=\"pg-backup\"} 42\n", instances[_i].label);
    assert_contains(text, sample);
}
END_TEST

START_TEST(what_the_gateway_says_about_bad_text_reaches_the_user)
{
    _cleanup_gateway_ Gateway gateway = gateway_start(NULL);
    _cleanup_err_ Err err = {};

    ck_assert_int_lt(push(gateway.url, "main", "this is no metric\n", &err), 0);
    ck_assert_int_eq(err.kind, ERR_METRICS);
    assert_contains(err.message, gateway.url);
    assert_contains(err.message, " answered 400: ");
    assert_contains(err.message, "text format parsing error in line 1");
    ck_assert_ptr_null(strchr(err.message, '\n'));
}
END_TEST

START_TEST(an_address_that_is_not_the_gateways_own_gets_a_hint)
{
    _cleanup_gateway_ Gateway gateway = gateway_start(NULL);
    _cleanup_free_ char *url = mem_printf("%s/wrong", gateway.url);
    _cleanup_err_ Err err = {};

    ck_assert_int_lt(push(url, "main", "a 42\n", &err), 0);
    ck_assert_int_eq(err.kind, ERR_METRICS);
    assert_contains(err.message, " answered 404: ");
    assert_contains(err.hint, "PUSHGATEWAY_URL");
}
END_TEST

START_TEST(credentials_in_the_address_are_used)
{
    char *dir = unit_mkdir();
    _cleanup_free_ char *config_path = mem_printf("%s/web.yml", dir);
    static const char config[] = /* crypt(3) of "hunter2" at the lowest cost */
        "basic_auth_users:\n"
        "  user: $2y$04$abcdefghijklmnopqrstuuV3duMsC0HpUex6N9qapiuOHHWkwRXVm\n";
    unit_write_file(dir, "web.yml", config, sizeof(config) - 1);

    _cleanup_gateway_ Gateway gateway = gateway_start(config_path);
    _cleanup_free_ char *right = mem_printf("http://user:hunter2@%s", gateway.address);
    _cleanup_free_ char *wrong = mem_printf("http://user:hunter3@%s", gateway.address);
    _cleanup_err_ Err err = {};

    ck_assert_int_eq(push(right, "main", "a 42\n", NULL), 0);
    ck_assert_int_lt(push(wrong, "main", "a 42\n", &err), 0);
    assert_contains(err.message, " answered 401: ");
    assert_contains(err.hint, "credentials");
    ck_assert_ptr_null(strstr(err.message, "hunter"));
    unit_rmdir(dir);
}
END_TEST

START_TEST(a_gateway_that_is_down_is_noticed_at_once)
{
    _cleanup_err_ Err err = {};
    usec_t start = clock_monotonic();

    ck_assert_int_lt(push("http://user:hunter2@127.0.0.1:1", "main", "a 42\n", &err), 0);
    /* Less than the limit for connecting, however slow the machine is. */
    ck_assert_uint_lt(clock_monotonic() - start, 5 * USEC_PER_SEC);
    ck_assert_int_eq(err.kind, ERR_METRICS);
    assert_contains(err.message, "http://127.0.0.1:1");
    ck_assert_ptr_null(strstr(err.message, "hunter2"));
    ck_assert_ptr_nonnull(err.hint);
}
END_TEST

START_TEST(a_probe_tells_a_gateway_that_is_ready_from_one_that_is_down)
{
    _cleanup_gateway_ Gateway gateway = gateway_start(NULL);
    _cleanup_err_ Err err = {};

    ck_assert_int_eq(push_probe(gateway.url, NULL), 0);
    ck_assert_int_lt(push_probe("http://127.0.0.1:1", &err), 0);
    ck_assert_int_eq(err.kind, ERR_METRICS);
}
END_TEST

/* Takes one connection, then asks its parent to stop. */
_Noreturn static void stop_parent(int listener)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (accept(listener, NULL, NULL) < 0)
        _exit(1);
    kill(getppid(), SIGTERM);
    for (;;)
        pause();
}

START_TEST(being_told_to_stop_is_not_a_matter_of_metrics)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof(address);
    _cleanup_err_ Err err = {};

    ck_assert_int_eq(cancel_init(), 0);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(listener, (struct sockaddr *)&address, size), 0);
    ck_assert_int_eq(listen(listener, 1), 0);
    ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    pid_t child = fork();
    if (child == 0)
        stop_parent(listener);

    _cleanup_free_ char *url = mem_printf("http://127.0.0.1:%d", ntohs(address.sin_port));
    ck_assert_int_lt(push(url, "main", "a 42\n", &err), 0);
    ck_assert_int_eq(err.kind, ERR_CANCELLED);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    close(listener);
}
END_TEST

START_TEST(a_run_that_was_told_to_stop_can_still_say_so)
{
    _cleanup_gateway_ Gateway gateway = gateway_start(NULL);
    _cleanup_err_ Err err = {};

    ck_assert_int_eq(cancel_init(), 0);
    raise(SIGTERM);
    ck_assert(cancel_requested());
    int r = push(gateway.url, "main", "a 42\n", &err);
    ck_assert_msg(r == 0, "%s", err.message);
}
END_TEST

static const UnitTest tests[] = {
    UNIT_TEST(what_was_pushed_is_there_to_scrape),
    UNIT_TEST(a_push_replaces_what_the_instance_pushed_before_and_nothing_else),
    UNIT_TEST(a_post_replaces_metrics_of_the_same_name_and_keeps_the_others),
    UNIT_TEST(an_address_may_end_with_slashes),
    UNIT_LOOP(any_instance_arrives_as_it_is, sizeof(instances) / sizeof(instances[0])),
    UNIT_TEST(what_the_gateway_says_about_bad_text_reaches_the_user),
    UNIT_TEST(an_address_that_is_not_the_gateways_own_gets_a_hint),
    UNIT_TEST(credentials_in_the_address_are_used),
    UNIT_TEST(a_gateway_that_is_down_is_noticed_at_once),
    UNIT_TEST(a_probe_tells_a_gateway_that_is_ready_from_one_that_is_down),
    UNIT_TEST(being_told_to_stop_is_not_a_matter_of_metrics),
    UNIT_TEST(a_run_that_was_told_to_stop_can_still_say_so),
};
UNIT_MAIN("push", tests)
