#include "sys/clock.h"
