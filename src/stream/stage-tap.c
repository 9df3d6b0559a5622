#include "stream/stage-tap.h"
