#include "backup/health.h"
