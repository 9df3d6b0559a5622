#include "stream/sink-file.h"
