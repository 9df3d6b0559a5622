#pragma once

/* Passes bytes on unchanged between a head, before the first of them, and a tail, which is written
 * at finish alone: whoever reads what comes out knows by the tail that all was there and that every
 * check in front of this stage held. */

#include "stream/stage.h"

Stage *stage_frame_new(const char *head, const char *tail);
