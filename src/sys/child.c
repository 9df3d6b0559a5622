#include "sys/child.h"
