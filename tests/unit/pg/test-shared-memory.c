#include "unit.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pg/shared-memory.h"
#include "sys/mem.h"

/* The segments as PostgreSQL 15 lays them out on a 64-bit machine (pg_shmem.h, dsm.c). */
enum { SEGMENT_SIZE = 56, ITEM_SIZE = 40 };

static void put(char *memory, size_t offset, const void *value, size_t size)
{
    memcpy(memory + offset, value, size);
}

static int make_segment(const struct stat *data, uint32_t control)
{
    int32_t magic = 679834894;
    int id = shmget(IPC_PRIVATE, SEGMENT_SIZE, IPC_CREAT | 0600);
    ck_assert_int_ge(id, 0);

    char *memory = shmat(id, NULL, 0);
    put(memory, 0, &magic, sizeof(magic));
    put(memory, 24, &control, sizeof(control));
    put(memory, 40, &data->st_dev, sizeof(data->st_dev));
    put(memory, 48, &data->st_ino, sizeof(data->st_ino));
    ck_assert_int_eq(shmdt(memory), 0);
    return id;
}

static bool segment_exists(int id)
{
    struct shmid_ds ds;
    return shmctl(id, IPC_STAT, &ds) == 0;
}

/* A control segment with room for three, which lists two. */
static void write_control(const char *name, uint32_t first, uint32_t second)
{
    char control[16 + 3 * ITEM_SIZE] = "";
    const uint32_t header[] = { 0x9a503d32, 2, 3 };

    put(control, 0, header, sizeof(header));
    put(control, 16, &first, sizeof(first));
    put(control, 16 + ITEM_SIZE, &second, sizeof(second));
    unit_write_file("/dev/shm", name, control, sizeof(control));
}

static char *dynamic_name(uint32_t handle)
{
    return mem_printf("PostgreSQL.%u", handle);
}

static bool dynamic_exists(uint32_t handle)
{
    _cleanup_free_ char *path = mem_printf("/dev/shm/PostgreSQL.%u", handle);
    return access(path, F_OK) == 0;
}

START_TEST(the_segments_of_a_directory_go_and_those_of_another_stay)
{
    char *dir = unit_mkdir();
    _cleanup_close_ int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    uint32_t base = (uint32_t)getpid() << 4;
    struct stat data, other;

    ck_assert_int_eq(fstat(fd, &data), 0);
    other = data;
    other.st_ino++;
    for (uint32_t i = 1; i <= 3; i++) {
        _cleanup_free_ char *name = dynamic_name(base + i);
        unit_write_file("/dev/shm", name, "", 0);
    }
    _cleanup_free_ char *control = dynamic_name(base);
    write_control(control, base + 1, base + 2);
    int ours = make_segment(&data, base), foreign = make_segment(&other, base + 3);

    ck_assert_int_eq(pg_shared_memory_remove(fd), 0);
    bool ours_stays = segment_exists(ours), foreign_stays = segment_exists(foreign);
    shmctl(foreign, IPC_RMID, NULL);
    ck_assert(!ours_stays);
    ck_assert(foreign_stays);
    for (uint32_t i = 0; i < 3; i++)
        ck_assert(!dynamic_exists(base + i));
    ck_assert(dynamic_exists(base + 3));

    _cleanup_free_ char *last = mem_printf("/dev/shm/PostgreSQL.%u", base + 3);
    ck_assert_int_eq(unlink(last), 0);
    unit_rmdir(dir);
}
END_TEST

START_TEST(a_segment_that_somebody_is_attached_to_stays)
{
    char *dir = unit_mkdir();
    _cleanup_close_ int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct stat data;

    ck_assert_int_eq(fstat(fd, &data), 0);
    int id = make_segment(&data, /* control= */ 0);
    const void *memory = shmat(id, NULL, SHM_RDONLY);
    ck_assert_int_eq(pg_shared_memory_remove(fd), 0);
    bool stays = segment_exists(id);
    shmctl(id, IPC_RMID, NULL);
    shmdt(memory);
    ck_assert(stays);
    unit_rmdir(dir);
}
END_TEST

static const UnitTest tests[] = {
    UNIT_TEST(the_segments_of_a_directory_go_and_those_of_another_stay),
    UNIT_TEST(a_segment_that_somebody_is_attached_to_stays),
};

UNIT_MAIN("shared-memory", tests)
