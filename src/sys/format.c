#include "sys/format.h"
