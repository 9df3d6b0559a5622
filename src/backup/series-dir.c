#include "backup/series-dir.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <stdlib.h>

#include "sys/fs.h"
#include "sys/mem.h"

int series_dir_root_error(int errnum, const char *setting, const char *path, Err *err)
{
    const char *what = errnum == ENOENT    ? "does not exist"
                       : errnum == ENOTDIR ? "is not a directory"
                                           : NULL;

    if (what)
        err_set(err, ERR_SETTINGS, "%s \"%s\" %s", setting, path, what);
    else if (errnum == EACCES || errnum == EPERM || errnum == EROFS)
        err_set(err, ERR_SETTINGS, "%s \"%s\" cannot be used: %s", setting, path, strerror(errnum));
    else
        return err_set_errno(err, errnum, "could not open directory \"%s\"", path);
    err_hint(err,
             "Mount it, or make it (mode 0700, owned by the user that runs pg-backup), or correct "
             "%s.",
             setting);
    return -errnum;
}

int series_dir_open_root(const char *path, int *ret_fd, Err *err)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return series_dir_root_error(errno, "BACKUP_DIR", path, err);
    *ret_fd = fd;
    return 0;
}

int series_dir_names(int root_fd, const char *root_path, Strv *ret, Err *err)
{
    _cleanup_strv_ Strv names = { 0 };

    int r = fs_list(root_fd, &names);
    if (r < 0)
        return err_set_errno(err, -r, "could not read directory \"%s\"", root_path);

    if (strv_contains(&names, ARTIFACT_GLOBALS))
        strv_add(ret, ARTIFACT_GLOBALS);
    for (size_t i = 0; i < names.count; i++) {
        _cleanup_free_ char *database = artifact_decode(names.items[i]);
        if (database)
            strv_add(ret, names.items[i]);
    }
    return 0;
}

int series_dir_open(int root_fd, const char *root_path, const char *encoded, int *ret_fd, Err *err)
{
    int fd = openat(root_fd, encoded, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        *ret_fd = fd;
        return 0;
    }
    if (errno == ENOENT || errno == ENOTDIR)
        return -errno;
    return err_set_errno(err, errno, "could not open directory \"%s/%s\"", root_path, encoded);
}

/* False for what is not ours. */
static bool parse_file(const char *encoded, const char *name, SeriesFile *ret)
{
    _cleanup_free_ char *final = NULL;
    SeriesFile f = { .temporary = fs_parse_tmp_name(name, &final) };

    if (!artifact_parse_file(encoded, final ? final : name, &f.kind, &f.stem))
        return false;
    f.name = mem_strdup(name);
    f.directory = f.kind == ARTIFACT_DATA && artifact_is_directory(final ? final : name);
    *ret = f;
    return true;
}

int series_files_list(int series_fd, const char *series_path, const char *encoded, SeriesFiles *ret,
                      Err *err)
{
    _cleanup_strv_ Strv names = { 0 };

    int r = fs_list(series_fd, &names);
    if (r < 0)
        return err_set_errno(err, -r, "could not read directory \"%s\"", series_path);

    SeriesFiles files = { .items = mem_zero(names.count, sizeof(*files.items)) };
    for (size_t i = 0; i < names.count; i++)
        if (parse_file(encoded, names.items[i], &files.items[files.count]))
            files.count++;
    *ret = files;
    return 0;
}

/* Only what has a directory's name is removed as one: a directory of any other is not ours. */
int series_file_remove(int series_fd, const char *name)
{
    _cleanup_free_ char *final = NULL;

    (void)fs_parse_tmp_name(name, &final);
    return artifact_is_directory(final ? final : name) ? fs_remove_dir(series_fd, name)
                                                       : fs_remove(series_fd, name);
}

void series_files_done(SeriesFiles *files)
{
    for (size_t i = 0; i < files->count; i++) {
        free(files->items[i].name);
        free(files->items[i].stem);
    }
    free(files->items);
    *files = (SeriesFiles){ 0 };
}
