#include "sys/cancel.h"
