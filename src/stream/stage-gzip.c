#include "stream/stage-gzip.h"
