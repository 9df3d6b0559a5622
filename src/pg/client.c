#include "pg/client.h"
