#include "pg/shared-memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/fs.h"
#include "sys/mem.h"

/* PGShmemHeader, storage/pg_shmem.h, the same from 12 to 18. */
#define SEGMENT_MAGIC 679834894
typedef struct SegmentHeader {
    int32_t magic;
    int32_t creator;
    size_t total_size;
    size_t free_offset;
    uint32_t dsm_control; /* handle of the segment that lists the dynamic ones; 0: none */
    void *index;
    dev_t device; /* of the data directory */
    ino_t inode;
} SegmentHeader;

/* dsm_control_header, storage/ipc/dsm.c. What an entry takes differs between versions, but the
 * segment's size tells it; each begins with its handle. */
#define CONTROL_MAGIC 0x9a503d32
#define CONTROL_MAX ((size_t)16 << 20)
#define FIRST_ENTRY 16
typedef struct ControlHeader {
    uint32_t magic;
    uint32_t count;
    uint32_t capacity;
} ControlHeader;

/* Dynamic ones */

static int open_shm(void)
{
    return open("/dev/shm", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* A handle of another implementation has no file of this name. */
static void remove_dynamic(int shm_fd, uint32_t handle, uid_t owner)
{
    _cleanup_free_ char *name = mem_printf("PostgreSQL.%u", handle);
    struct stat st;

    if (fstatat(shm_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
        st.st_uid == owner)
        (void)fs_remove(shm_fd, name);
}

static void remove_listed(int shm_fd, const char *control, size_t size, uid_t owner)
{
    ControlHeader header;

    if (size < FIRST_ENTRY)
        return;
    memcpy(&header, control, sizeof(header));
    if (header.magic != CONTROL_MAGIC || header.capacity == 0 || header.count > header.capacity)
        return;

    size_t step = (size - FIRST_ENTRY) / header.capacity;
    for (size_t i = 0; i < header.count && step >= sizeof(uint32_t); i++) {
        uint32_t handle;
        memcpy(&handle, control + FIRST_ENTRY + i * step, sizeof(handle));
        remove_dynamic(shm_fd, handle, owner);
    }
}

static void remove_all_dynamic(uint32_t control_handle, uid_t owner)
{
    _cleanup_free_ char *name = mem_printf("PostgreSQL.%u", control_handle), *control = NULL;
    _cleanup_close_ int shm_fd = open_shm();
    size_t size;

    if (shm_fd < 0 || control_handle == 0)
        return;
    if (fs_read_regular(shm_fd, name, CONTROL_MAX, &control, &size) == 0)
        remove_listed(shm_fd, control, size, owner);
    remove_dynamic(shm_fd, control_handle, owner);
}

/* The one that guards */

static bool guards(int id, const struct shmid_ds *segment, const struct stat *data,
                   SegmentHeader *ret)
{
    if (segment->shm_perm.uid != data->st_uid || segment->shm_nattch > 0 ||
        segment->shm_segsz < sizeof(*ret))
        return false;

    const void *memory = shmat(id, NULL, SHM_RDONLY);
    if ((intptr_t)memory == -1)
        return false;
    memcpy(ret, memory, sizeof(*ret));
    (void)shmdt(memory);
    return ret->magic == SEGMENT_MAGIC && ret->device == data->st_dev && ret->inode == data->st_ino;
}

/* The kernel numbers them from 0 to what SHM_INFO returns, with gaps. */
int pg_shared_memory_remove(int data_fd)
{
    struct shmid_ds segment = { 0 };
    struct stat data;

    if (fstat(data_fd, &data) < 0)
        return -errno;
    int last = shmctl(0, SHM_INFO, &segment); /* writes less than a segment's description */
    for (int i = 0; i <= last; i++) {
        SegmentHeader header;
        int id = shmctl(i, SHM_STAT, &segment);
        if (id < 0 || !guards(id, &segment, &data, &header))
            continue;
        remove_all_dynamic(header.dsm_control, data.st_uid);
        if (shmctl(id, IPC_RMID, NULL) < 0 && errno != EINVAL && errno != EIDRM)
            return -errno;
    }
    return 0;
}
