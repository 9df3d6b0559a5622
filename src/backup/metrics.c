#include "backup/metrics.h"
