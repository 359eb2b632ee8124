#define LEHR_ISA avx2
#include "minima_loops.h"
