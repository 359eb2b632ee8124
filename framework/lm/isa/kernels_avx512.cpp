#define LEHR_ISA avx512
#include "lm/isa/table.h"
