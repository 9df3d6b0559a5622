#include "backup/directory-read.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>

#include "backup/directory-file.h"
#include "backup/directory-toc.h"
#include "sys/cancel.h"
#include "sys/fs.h"
#include "sys/mem.h"
#include "sys/pool.h"
#include "sys/progress.h"

#define TICK_MSEC 200

/* A reading under way. Each file is a task; the threads share the atomic members, and read the
 * others. The thread that waits for them looks after the clock, the progress and the signals. */
typedef struct Reading {
    const DirectoryRead *how;
    DirectoryToc toc; /* empty without contents */
    struct Task *tasks;
    size_t count;
    int all_done_fd; /* an eventfd */
    atomic_bool stop;
    atomic_size_t done;
    atomic_uint_fast64_t bytes;
} Reading;

typedef struct Task {
    PoolJob job; /* the first member: what the pool hands to a thread */
    Reading *reading;
    char *name;
    uint64_t size; /* when the directory was listed: big ones go first */
    DirectoryFile file;
    Err err;
} Task;

static void reading_done(Reading *r)
{
    for (size_t i = 0; i < r->count; i++) {
        free(r->tasks[i].name);
        directory_file_done(&r->tasks[i].file);
        err_done(&r->tasks[i].err);
    }
    free(r->tasks);
    mem_closep(&r->all_done_fd);
    directory_toc_done(&r->toc);
}

void directory_contents_done(DirectoryContents *c)
{
    stored_files_done(&c->files);
    free(c->archive_version);
    inventory_done(&c->inventory);
    *c = (DirectoryContents){ 0 };
}

/* One file, in a thread of the pool */

static void work(PoolJob *job, unsigned thread)
{
    Task *t = (Task *)job;
    Reading *reading = t->reading;
    (void)thread;

    if (!atomic_load(&reading->stop) && directory_file_read(&t->file, &t->err) < 0)
        atomic_store(&reading->stop, true);
    if (atomic_fetch_add(&reading->done, 1) + 1 == reading->count)
        (void)eventfd_write(reading->all_done_fd, 1);
}

/* All of them */

static void wait_for_threads(Reading *reading, bool *ret_cancelled)
{
    struct pollfd fds[] = {
        { .fd = reading->all_done_fd, .events = POLLIN },
        { .fd = cancel_fd(), .events = POLLIN },
    };
    uint64_t told = 0;

    *ret_cancelled = false;
    while (atomic_load(&reading->done) < reading->count) {
        (void)poll(fds, ELEMENTSOF(fds), TICK_MSEC);
        uint64_t bytes = atomic_load(&reading->bytes);
        progress_add(bytes - told);
        told = bytes;
        progress_tick();
        if (fds[1].revents) {
            atomic_store(&reading->stop, true);
            *ret_cancelled = true;
            fds[1].fd = -1; /* it stays readable */
        }
    }
}

static int read_all(Reading *reading, Err *err)
{
    size_t wanted = reading->how->threads > 0 ? reading->how->threads : 1;
    bool cancelled;

    reading->all_done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (reading->all_done_fd < 0)
        return err_set_errno(err, errno, "could not make an event descriptor");

    Pool *pool = pool_new((unsigned)(wanted < reading->count ? wanted : reading->count));
    for (size_t i = 0; i < reading->count; i++)
        pool_submit(pool, &reading->tasks[i].job);
    wait_for_threads(reading, &cancelled);
    while (pool_take(pool, /* wait= */ true))
        ;
    pool_free(pool);

    if (cancelled)
        return cancel_error(err);
    for (size_t i = 0; i < reading->count; i++)
        if (err_is_set(&reading->tasks[i].err)) {
            err_move(err, &reading->tasks[i].err);
            return -EIO;
        }
    return 0;
}

/* Beforehand */

static int order_by_size(const void *a, const void *b)
{
    const Task *s = a, *t = b;
    return s->size != t->size ? (s->size > t->size ? -1 : 1) : strcmp(s->name, t->name);
}

static void make_tasks(Reading *reading, const Strv *names)
{
    reading->tasks = mem_zero(names->count, sizeof(*reading->tasks));
    reading->count = names->count;
    for (size_t i = 0; i < names->count; i++) {
        struct stat st;
        Task *t = &reading->tasks[i];

        t->job.work = work;
        t->reading = reading;
        t->name = mem_strdup(names->items[i]);
        t->file = (DirectoryFile){
            .dir_fd = reading->how->fd,
            .dir_path = reading->how->path,
            .name = t->name,
            .by_name = reading->how->by_name,
            .adopt = reading->how->adopt,
            .stop = &reading->stop,
            .read = &reading->bytes,
        };
        if (fstatat(reading->how->fd, t->name, &st, AT_SYMLINK_NOFOLLOW) == 0)
            t->size = (uint64_t)st.st_size;
    }
    if (reading->count > 0)
        qsort(reading->tasks, reading->count, sizeof(*reading->tasks), order_by_size);
}

static int say_surplus(const Reading *reading, const char *name, Err *err)
{
    return err_set(err, ERR_DAMAGED, "\"%s/%s\" does not belong there", reading->how->path, name);
}

static int say_missing(const Reading *reading, const char *name, Err *err)
{
    return err_set(err, ERR_DAMAGED, "\"%s/%s\" is missing", reading->how->path, name);
}

/* What is there against what the manifest says. */
static int match_expected(Reading *reading, const Strv *names, Err *err)
{
    const StoredFiles *expected = reading->how->expected;

    for (size_t i = 0; i < reading->count; i++) {
        Task *t = &reading->tasks[i];
        t->file.expected = stored_files_find(expected, t->name);
        if (!t->file.expected)
            return say_surplus(reading, t->name, err);
    }
    /* Both by name: where they part, one is missing. */
    for (size_t i = 0; i < expected->count; i++)
        if (i >= names->count || strcmp(names->items[i], expected->items[i].name) != 0)
            return say_missing(reading, expected->items[i].name, err);
    return 0;
}

/* What is there against what the TOC says; the TOC itself and the lists it has read already. */
static int match_toc(Reading *reading, Err *err)
{
    const DirectoryToc *toc = &reading->toc;
    _cleanup_free_ bool *found = mem_zero(toc->count, sizeof(*found));

    for (size_t i = 0; i < reading->count; i++) {
        Task *t = &reading->tasks[i];
        size_t part = directory_toc_find(toc, t->name);

        if (part < toc->count && !found[part]) {
            t->file.part = &toc->parts[part];
            found[part] = true;
        } else if (strcmp(t->name, DIRECTORY_TOC) != 0 && !strv_contains(&toc->lists, t->name)) {
            return say_surplus(reading, t->name, err);
        }
    }
    for (size_t i = 0; i < toc->count; i++)
        if (!found[i])
            return say_missing(reading, toc->parts[i].file, err);
    return 0;
}

/* What the TOC and the lists say is only then held against the others when it is what the manifest
 * vouches for: else a flipped bit in a name would have a file called surplus that is not. */
static int check_tocs(Reading *reading, Err *err)
{
    for (size_t i = 0; i < reading->count; i++) {
        Task *t = &reading->tasks[i];
        const char *dot = strrchr(t->name, '.');

        if (strcmp(t->name, DIRECTORY_TOC) != 0 && (!dot || strcmp(dot, ".toc") != 0))
            continue;
        int r = directory_file_read(&t->file, err);
        if (r < 0)
            return r;
    }
    return 0;
}

static int prepare(Reading *reading, Err *err)
{
    const DirectoryRead *how = reading->how;
    _cleanup_strv_ Strv names = { 0 };

    int r = fs_list(how->fd, &names);
    if (r < 0)
        return err_set_errno(err, -r, "could not read directory \"%s\"", how->path);

    make_tasks(reading, &names);
    if (how->expected)
        r = match_expected(reading, &names, err);
    if (r >= 0 && how->expected && how->contents)
        r = check_tocs(reading, err);
    if (r >= 0 && how->contents)
        r = directory_toc_read(how->fd, how->path, how->by_name, &reading->toc, err);
    if (r >= 0 && how->contents)
        r = match_toc(reading, err);
    return r;
}

/* Afterwards */

static void unite(Inventory *into, const Inventory *part)
{
    for (size_t i = 0; i < part->table_count; i++) {
        const InventoryTable *t = &part->tables[i];
        inventory_add_table(into, t->schema, t->name, t->rows, t->bytes, &t->digest);
    }
    into->large_objects += part->large_objects;
    into->large_object_bytes += part->large_object_bytes;
    digest_unite(&into->large_object_digest, &part->large_object_digest);
}

static void conclude(Reading *reading, DirectoryContents *ret)
{
    *ret = (DirectoryContents){
        .archive_version = TAKE_PTR(reading->toc.archive_version),
        .inventory = reading->toc.inventory,
    };
    reading->toc.inventory = (Inventory){ 0 };

    for (size_t i = 0; i < reading->count; i++) {
        const Task *t = &reading->tasks[i];
        stored_files_add(&ret->files, t->name, t->file.bytes, t->file.sha256);
        ret->raw_bytes += t->file.raw_bytes;
        unite(&ret->inventory, &t->file.inventory);
    }
    stored_files_sort(&ret->files);
    inventory_sort(&ret->inventory);
}

int directory_read(const DirectoryRead *how, DirectoryContents *ret, Err *err)
{
    _cleanup_(reading_done) Reading reading = { .how = how, .all_done_fd = -1 };

    int r = prepare(&reading, err);
    if (r >= 0 && reading.count > 0)
        r = read_all(&reading, err);
    if (r < 0)
        return r;
    conclude(&reading, ret);
    return 0;
}
