#include "backup/stored-files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "sys/mem.h"

#define MEMBER "files"
#define HEX_DIGITS "0123456789abcdef"

void stored_files_add(StoredFiles *f, const char *name, uint64_t bytes, const char *sha256)
{
    if (f->count == f->capacity) {
        f->capacity = f->capacity > 0 ? f->capacity * 2 : 16;
        f->items = mem_resize(f->items, f->capacity, sizeof(*f->items));
    }

    StoredFile *file = &f->items[f->count++];
    *file = (StoredFile){ .name = mem_strdup(name), .bytes = bytes };
    memcpy(file->sha256, sha256, sizeof(file->sha256));
}

static int order_by_name(const void *a, const void *b)
{
    return strcmp(((const StoredFile *)a)->name, ((const StoredFile *)b)->name);
}

void stored_files_sort(StoredFiles *f)
{
    if (f->count > 0)
        qsort(f->items, f->count, sizeof(*f->items), order_by_name);
}

void stored_files_done(StoredFiles *f)
{
    for (size_t i = 0; i < f->count; i++)
        free(f->items[i].name);
    free(f->items);
    *f = (StoredFiles){ 0 };
}

static int order_of_name(const void *key, const void *item)
{
    return strcmp(key, ((const StoredFile *)item)->name);
}

const StoredFile *stored_files_find(const StoredFiles *f, const char *name)
{
    if (f->count == 0)
        return NULL;
    return bsearch(name, f->items, f->count, sizeof(*f->items), order_of_name);
}

uint64_t stored_files_bytes(const StoredFiles *f)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < f->count; i++)
        sum += f->items[i].bytes;
    return sum;
}

void stored_files_print(const StoredFiles *f, const char *directory, Buf *ret)
{
    for (size_t i = 0; i < f->count; i++)
        buf_addf(ret, "%s  %s/%s\n", f->items[i].sha256, directory, f->items[i].name);
}

int stored_files_digest(const StoredFiles *f, const char *directory,
                        char ret[static TAP_SHA256_HEX_SIZE], Err *err)
{
    _cleanup_buf_ Buf text = { 0 };

    stored_files_print(f, directory, &text);
    return tap_sha256_of(text.data, text.size, ret, err);
}

/* JSON */

void stored_files_to_json(const StoredFiles *f, Json *manifest)
{
    Json *list = json_set_child(manifest, MEMBER, json_new_array());

    for (size_t i = 0; i < f->count; i++) {
        Json *file = json_add_child(list, json_new_object());
        json_set_text(file, "name", f->items[i].name);
        json_set_uint(file, "bytes", f->items[i].bytes);
        json_set_text(file, "sha256", f->items[i].sha256);
    }
}

bool stored_file_is_plain(const char *name)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";

    return name[0] && name[0] != '.' && name[strspn(name, plain)] == '\0';
}

/* By name, each once. */
static int check_file(const StoredFiles *f, const char *name, const char *sha256, Err *err)
{
    if (!stored_file_is_plain(name))
        return err_set(err, ERR_DAMAGED, "\"" MEMBER "\" has no plain name: \"%s\"", name);
    if (f->count > 0 && strcmp(f->items[f->count - 1].name, name) >= 0)
        return err_set(err, ERR_DAMAGED, "\"" MEMBER "\" is not in order: \"%s\"", name);
    if (strlen(sha256) != TAP_SHA256_HEX_SIZE - 1 ||
        strspn(sha256, HEX_DIGITS) != TAP_SHA256_HEX_SIZE - 1)
        return err_set(err, ERR_DAMAGED, "\"sha256\" of \"%s\" is no SHA-256: \"%s\"", name,
                       sha256);
    return 0;
}

static int read_file(const Json *file, StoredFiles *f, uint64_t *sum, Err *err)
{
    _cleanup_free_ char *name = NULL, *sha256 = NULL;
    uint64_t bytes;

    int r = json_get_text(file, "name", &name, err);
    if (r >= 0)
        r = json_get_text(file, "sha256", &sha256, err);
    if (r >= 0)
        r = json_get_uint(file, "bytes", &bytes, err);
    if (r >= 0)
        r = check_file(f, name, sha256, err);
    if (r < 0)
        return r;
    if (__builtin_add_overflow(*sum, bytes, sum))
        return err_set(err, ERR_DAMAGED, "\"" MEMBER "\" has more bytes than there can be");

    stored_files_add(f, name, bytes, sha256);
    return 0;
}

int stored_files_from_json(const Json *manifest, StoredFiles *ret, Err *err)
{
    _cleanup_stored_files_ StoredFiles f = { 0 };
    const Json *list;
    uint64_t sum = 0;

    int r = json_get_array(manifest, MEMBER, &list, err);
    for (size_t i = 0; r >= 0 && i < json_array_length(list); i++)
        r = read_file(json_array_item(list, i), &f, &sum, err);
    if (r < 0)
        return r;

    *ret = f;
    f = (StoredFiles){ 0 };
    return 0;
}

/* Files */

int stored_file_open(int dir_fd, const char *dir_path, const char *name, int *ret_fd,
                     uint64_t *ret_bytes, Err *err)
{
    const int flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
    _cleanup_close_ int fd = openat(dir_fd, name, flags);
    struct stat st;

    if (fd < 0 && errno == ENOENT)
        return err_set(err, ERR_DAMAGED, "\"%s/%s\" is missing", dir_path, name);
    if (fd < 0 && errno != ELOOP)
        return err_set_errno(err, errno, "could not open \"%s/%s\"", dir_path, name);
    if (fd >= 0 && fstat(fd, &st) < 0)
        return err_set_errno(err, errno, "could not ask about \"%s/%s\"", dir_path, name);
    if (fd < 0 || !S_ISREG(st.st_mode))
        return err_set(err, ERR_DAMAGED, "\"%s/%s\" is not a regular file", dir_path, name);

    *ret_fd = TAKE_FD(fd);
    *ret_bytes = (uint64_t)st.st_size;
    return 0;
}
