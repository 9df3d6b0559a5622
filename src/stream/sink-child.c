#include "stream/sink-child.h"
