#include "stream/stage.h"
