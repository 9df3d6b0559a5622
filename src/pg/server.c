#include "pg/server.h"
