#define LEHR_ISA baseline
#include "lm/isa/table.h"
