#include "sys/names.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <xxhash.h>

#include "sys/mem.h"

#define BLOCK_SIZE ((size_t)16 << 10)
#define SLOTS_MIN ((size_t)64)

/* Where the text is, or where it belongs. Names come from servers and archives: with a seed that
 * they do not know, they cannot be chosen to fall on the same slots. */
static size_t find(const Names *n, const char *text)
{
    size_t slot = XXH3_64bits_withSeed(text, strlen(text), n->seed) & (n->slot_count - 1);

    while (n->slots[slot] && strcmp(n->slots[slot], text) != 0)
        slot = (slot + 1) & (n->slot_count - 1);
    return slot;
}

/* At most three quarters are in use. */
static void make_slot(Names *n)
{
    const char **old = n->slots;
    size_t old_count = n->slot_count;

    if (n->count < old_count / 4 * 3)
        return;
    if (old_count == 0)
        (void)!getrandom(&n->seed, sizeof(n->seed), 0);
    n->slot_count = old_count > 0 ? old_count * 2 : SLOTS_MIN;
    n->slots = mem_zero(n->slot_count, sizeof(*n->slots));
    for (size_t i = 0; i < old_count; i++)
        if (old[i])
            n->slots[find(n, old[i])] = old[i];
    free(old);
}

/* A text that is longer than a block has one of its own. */
static char *make_room(Names *n, size_t size)
{
    if (size > n->left) {
        size_t room = size > BLOCK_SIZE ? size : BLOCK_SIZE;
        char *block = mem_alloc(sizeof(n->block) + room);
        memcpy(block, &n->block, sizeof(n->block));
        n->block = block;
        n->left = room;
        n->end = block + sizeof(n->block) + room;
    }
    n->left -= size;
    return n->end - n->left - size;
}

const char *names_keep(Names *n, const char *text)
{
    make_slot(n);
    size_t slot = find(n, text);

    if (!n->slots[slot]) {
        size_t size = strlen(text) + 1;
        n->slots[slot] = memcpy(make_room(n, size), text, size);
        n->count++;
    }
    return n->slots[slot];
}

void names_done(Names *n)
{
    while (n->block) {
        char *block = n->block;
        memcpy(&n->block, block, sizeof(n->block));
        free(block);
    }
    free(n->slots);
    *n = (Names){ 0 };
}
