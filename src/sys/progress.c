#include "sys/progress.h"
