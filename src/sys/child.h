#pragma once

/* A client program as a child: argv, an explicit environment, its own process group, no shell. Its
 * stdout or stdin is a pipe to us; its stderr is read while we wait for anything, so that neither
 * side can block the other.
 *
 *     child_spawn()                         posix_spawn; the binary's name is in every message
 *     child_read() / child_write()          as often as there is data
 *     child_close_stdin()                   end of file for the child
 *     child_wait()                          the exit status; 0 only for "exited with 0"
 *     child_done()                          kills and reaps what still runs
 *
 * A child whose bytes go past us, into files say, is watched by child_watch() instead, and one for
 * which others work without a byte to be seen by child_watch_work().
 *
 * How it comes to be is in child-spawn.c, the rest of its life in child.c. Reading, writing
 * and child_wait() share child_io_wait() there, the program's one place that waits for a child: it
 * polls the pipe, the child's stderr and the cancel signals, ticks the progress (watchdog, STATUS),
 * and knows the stall deadline: ERR_STALLED when no byte moved in either direction, nor
 * anything where it is watched, for so long. */

#include "sys/clock.h"
#include "sys/err.h"
#include "sys/strv.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

typedef enum ChildPipe {
    CHILD_STDOUT,  /* we read what it writes; its stdin is /dev/null */
    CHILD_STDIN,   /* it reads what we write; its stdout is /dev/null */
    CHILD_NEITHER, /* both /dev/null */
} ChildPipe;

typedef struct ChildSpec {
    const char *path;    /* the program's file */
    const char *name;    /* for messages; NULL: the file's */
    char *const *argv;   /* NULL-terminated, argv[0] included */
    char *const *env;    /* NULL-terminated: all that it gets */
    const int *keep_fds; /* descriptors it inherits under the same numbers */
    size_t keep_fds_count;
    ChildPipe pipe;
    usec_t stall_timeout;          /* 0: none */
    const char *cwd;               /* NULL: ours */
    const int *stderr_fd;          /* where its stderr goes instead of being kept; NULL: nowhere */
    int end_signal;                /* what child_done() sends at first; 0: SIGTERM */
    const struct Sandbox *sandbox; /* that it begins in (sys/sandbox.h); NULL: none */
} ChildSpec;

/* How many bytes a child has moved by now; asked for once a second while it is waited for. */
typedef uint64_t (*ChildMoved)(void *userdata);
/* How much was done for it by now, in no unit in particular; likewise. */
typedef uint64_t (*ChildWorked)(void *userdata);

typedef struct Child {
    char *name;    /* of the program, for messages */
    pid_t pid;     /* 0 once reaped */
    int io_fd;     /* our end of stdin or stdout, -1 when closed */
    int stderr_fd; /* -1 at its end */
    usec_t stall_timeout;
    usec_t last_progress;
    ChildMoved moved; /* NULL: not watched */
    void *moved_userdata;
    uint64_t moved_bytes; /* when it was looked at last */
    ChildWorked worked;   /* NULL: not watched */
    void *worked_userdata;
    uint64_t work; /* likewise */
    usec_t next_look;
    int end_signal;
    Strv stderr_lines;       /* every line, up to CHILD_STDERR_MAX of memory */
    size_t stderr_bytes;     /* their memory */
    uint64_t stderr_dropped; /* lines beyond that */
    char *stderr_partial;    /* the last line, not ended yet */
    int wait_status;         /* valid once pid is 0 */
} Child;

#define CHILD_STDERR_MAX ((size_t)4 << 20)
#define CHILD_INIT ((Child){ .io_fd = -1, .stderr_fd = -1 })
#define _cleanup_child_ _cleanup_(child_done)

int child_spawn(Child *c, const ChildSpec *spec, Err *err);

/* From now on a change of what `moved` says is progress. */
void child_watch(Child *c, ChildMoved moved, void *userdata);
/* The same, but it is not counted. */
void child_watch_work(Child *c, ChildWorked worked, void *userdata);
/* What it has read so far, from whatever it reads, as the kernel counts it; 0 where that is not to
 * be had. Not counted: what its own children read. */
uint64_t child_bytes_read(const Child *c);

/* Reads up to `size` bytes of stdout; *ret_size is 0 at its end. */
int child_read(Child *c, void *data, size_t size, size_t *ret_size, Err *err);
/* Writes all of it to stdin. -EPIPE without an Err when the child has closed it: its exit status
 * and stderr then tell more, so call child_wait(). */
int child_write(Child *c, const void *data, size_t size, Err *err);
void child_close_stdin(Child *c);

/* Drains stderr, reaps the child. ERR_CHILD unless it exited with 0: the message has the exit
 * status or the signal, and the child's first "error:" line, else its last. */
int child_wait(Child *c, Err *err);

/* Whether it was ended from outside: by somebody, or by the kernel for want of memory or time. That
 * says nothing about what it was reading, unlike a crash. For after child_wait(). */
bool child_was_killed(const Child *c);

/* Whether it has ended, without waiting: child_wait() then says how. */
bool child_ended(Child *c);
/* For who waits for what a child brings about, not for its end: 20 ms, or ERR_CANCELLED. */
int child_pause(Err *err);

/* The end signal to its process group, SIGKILL after two seconds; reaps, and waits until the others
 * of the group have died. Safe on a child that never was. */
void child_done(Child *c);

/* Runs a program to its end and returns the first `max` bytes of its stdout as a string. */
int child_output(const ChildSpec *spec, size_t max, char **ret, Err *err);
