#include "gateway.h"

#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/mem.h"

_Noreturn static void become_gateway(int stderr_fd, const char *config)
{
    _cleanup_free_ char *option = mem_printf("--web.config.file=%s", config ? config : "");

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(stderr_fd, STDERR_FILENO);
    execlp("prometheus-pushgateway", "prometheus-pushgateway", "--web.listen-address=127.0.0.1:0",
           option, (char *)NULL);
    _exit(127);
}

/* It names the port that it got: level=info msg="Listening on" address=127.0.0.1:45897 */
static char *read_address(FILE *log)
{
    char line[1024], address[64];

    while (fgets(line, sizeof(line), log)) {
        const char *found = strstr(line, "Listening on\" address=");
        if (found && sscanf(strchr(found, '='), "=%63s", address) == 1)
            return mem_strdup(address);
    }
    ck_abort_msg("prometheus-pushgateway does not start");
    return NULL;
}

Gateway gateway_start(const char *config)
{
    int fds[2];
    ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);

    Gateway g = { .pid = fork(), .stderr_fd = fds[0] };
    ck_assert_int_ge(g.pid, 0);
    if (g.pid == 0)
        become_gateway(fds[1], config);
    close(fds[1]);

    FILE *log = fdopen(dup(g.stderr_fd), "re");
    ck_assert_ptr_nonnull(log);
    g.address = read_address(log);
    g.url = mem_printf("http://%s", g.address);
    fclose(log);
    return g;
}

void gateway_stop(Gateway *g)
{
    kill(g->pid, SIGKILL);
    waitpid(g->pid, NULL, 0);
    close(g->stderr_fd);
    free(g->address);
    free(g->url);
}
