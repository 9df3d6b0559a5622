#include "sys/buf.h"
