#pragma once

/* gzip (RFC 1952) by zlib: one member out; any number of members in. */

#include "stream/stage.h"

Stage *stage_gzip_new(int level); /* 1 to 9 */
/* Fails on a bad header, CRC or length, on an input that ends inside a member, and on anything
 * behind the last member that is not another one. */
Stage *stage_gunzip_new(void);
