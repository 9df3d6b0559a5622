#include "backup/artifact.h"
