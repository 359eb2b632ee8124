#define LEHR_ISA avx2
#include "lm/isa/table.h"
