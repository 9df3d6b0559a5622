#include "sys/err.h"
