#include "stream/pump.h"
