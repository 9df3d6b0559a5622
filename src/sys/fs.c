#include "sys/fs.h"
