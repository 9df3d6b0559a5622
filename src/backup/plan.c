#include "backup/plan.h"
