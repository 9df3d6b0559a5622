#include "backup/report.h"
