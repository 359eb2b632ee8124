#define LEHR_JSON_INSTANCE
#include "json_instances.h"
