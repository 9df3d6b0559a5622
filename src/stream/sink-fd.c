#include "stream/sink-fd.h"
