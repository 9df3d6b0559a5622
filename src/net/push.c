#include "net/push.h"
