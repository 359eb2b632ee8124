#define LEHR_ISA baseline
#include "minima_loops.h"
