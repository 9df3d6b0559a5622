#include "sys/strv.h"
