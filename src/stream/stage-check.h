#pragma once

/* Passes bytes on unchanged, and at finish asks whether what has passed may be finished. The stages
 * behind it, a sink that would publish among them, are finished only if the answer is yes: so what
 * a check refuses is never published. */

#include "stream/stage.h"

/* check: 0 to agree, else a negative number with `err` filled. Called once; userdata is borrowed.
 */
Stage *stage_check_new(int (*check)(void *userdata, Err *err), void *userdata);
