#include "backup/manifest.h"
