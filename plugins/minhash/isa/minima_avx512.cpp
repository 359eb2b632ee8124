#define LEHR_ISA avx512
#include "minima_loops.h"
