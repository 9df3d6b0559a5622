#include "conf/conf-file.h"
