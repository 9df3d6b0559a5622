#include "backup/catalog.h"
