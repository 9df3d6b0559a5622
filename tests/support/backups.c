#include "backups.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backup/artifact.h"
#include "unit.h"

Place place_new(void)
{
    Place p = { .path = unit_mkdir() };
    p.fd = open(p.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ck_assert_int_ge(p.fd, 0);
    return p;
}

void place_done(Place *p)
{
    close(p->fd);
    unit_rmdir(p->path);
}

bool place_has(const Place *p, const char *name)
{
    return faccessat(p->fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

void place_touch(const Place *p, const char *name)
{
    unit_write_file(p->path, name, "abc", 3);
}

void place_mkdir(const Place *p, const char *name)
{
    ck_assert_int_eq(mkdirat(p->fd, name, 0700), 0);
}

void place_unlink(const Place *p, const char *name)
{
    ck_assert_int_eq(unlinkat(p->fd, name, 0), 0);
}

char *place_link(const Place *p, const char *name)
{
    char target[256] = "";
    ssize_t n = readlinkat(p->fd, name, target, sizeof(target) - 1);
    return mem_strdup(n < 0 ? "" : target);
}

static void put_obstacle(int fd, Obstacle obstacle, const char *encoded, const Manifest *m)
{
    _cleanup_free_ char *name = NULL;

    if (obstacle == OBSTACLE_CHECKSUM)
        name = mem_printf(".%s.sha256.tmp", m->file);
    else if (obstacle == OBSTACLE_INVENTORY)
        name = mem_printf(".%s.tmp", m->inventory_file);
    else if (obstacle == OBSTACLE_MANIFEST)
        name = mem_printf(".%s.json.tmp", m->stem);
    else if (obstacle == OBSTACLE_LATEST)
        name = mem_printf("%s_latest.dump", encoded);
    if (name)
        ck_assert_int_eq(mkdirat(fd, name, 0700), 0);
}

int place_attempt(const Place *p, const Attempt *a, Err *warning, Err *err)
{
    _cleanup_free_ char *encoded =
        a->database ? artifact_encode(a->database) : mem_strdup(ARTIFACT_GLOBALS);
    _cleanup_free_ char *path = NULL;
    _cleanup_close_ int fd = -1;
    ck_assert_int_eq(catalog_open_series_dir(p->fd, p->path, encoded, &fd, &path, err), 0);

    _cleanup_manifest_ Manifest m = {
        .stem = artifact_stem(encoded, a->when),
        .kind = mem_strdup(a->database ? "database" : "globals"),
        .database = mem_strdup(a->database),
        .format = mem_strdup("custom"),
        .compression = mem_strdup("none"),
        .stored_bytes = 3,
        .stored_sha256 = mem_strdup(SHA256_ABC),
        .raw_bytes = 3,
        .raw_sha256 = mem_strdup(SHA256_ABC),
        .started = a->when,
        .finished = a->when,
        .server_version = mem_strdup("15.18"),
        .client_version = mem_strdup("15.18"),
        .program_version = mem_strdup("0.1.0"),
    };
    m.file = mem_printf("%s%s", m.stem, a->extension ? a->extension : ".dump");
    m.inventory_file = artifact_inventory(m.stem);
    unit_write_file(path, m.file, "abc", 3);
    put_obstacle(fd, a->obstacle, encoded, &m);
    return catalog_commit(
        &(CatalogCommit){
            .series_fd = fd,
            .series_path = path,
            .encoded = encoded,
            .manifest = &m,
            .inventory = &(Inventory){ 0 },
        },
        warning, err);
}

void place_commit(const Place *p, const char *database, usec_t when)
{
    Attempt a = { .database = database, .when = when };
    _cleanup_err_ Err err = { 0 };
    _cleanup_err_ Err warning = { 0 };
    int r = place_attempt(p, &a, &warning, &err);
    ck_assert_msg(r == 0, "%s", err.message);
    ck_assert_msg(!err_is_set(&warning), "%s", warning.message);
}

void place_load(const Place *p, Catalog *ret)
{
    _cleanup_err_ Err err = { 0 };
    int r = catalog_load(p->path, ret, &err);
    ck_assert_msg(r == 0, "%s", err.message);
}
