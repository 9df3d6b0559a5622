#include "sys/json.h"
