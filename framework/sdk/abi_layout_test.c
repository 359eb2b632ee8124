/* The boundary is plain C, and version 1 of its tables never moves: sizes and offsets on 64-bit
 * machines. */
#include <lehr/abi.h>

#define AT(type, member, offset) \
  _Static_assert(offsetof(type, member) == (offset), #type "." #member " has moved")

AT(lehr_value, string, 24);
AT(lehr_value, items, 40);
AT(lehr_value, stride, 64);
AT(lehr_document, verdict, 48);
AT(lehr_document, rewritten, 72);
AT(lehr_exchange, truncated, 48);
AT(lehr_input, facets, 80);
AT(lehr_step, create, 24);
AT(lehr_step, destroy, 40);
AT(lehr_reward, score, 32);
AT(lehr_stage, check, 24);
AT(lehr_stage, run, 32);
AT(lehr_stage, estimate, 40);
AT(lehr_estimate, disk_bytes, 48);
AT(lehr_plugin, description, 16);
AT(lehr_plugin, reward_stride, 96);
AT(lehr_host, fail, 32);
AT(lehr_host, parameters, 80);
AT(lehr_host, state_begin, 144);
AT(lehr_host, score, 184);
AT(lehr_host, output_count, 192);
AT(lehr_host, output_at, 200);
AT(lehr_output, path, 32);
_Static_assert(sizeof(lehr_value) == 72 && sizeof(lehr_document) == 88, "version 1 array elements");
_Static_assert(sizeof(lehr_exchange) == 56, "version 1 array elements");
_Static_assert(sizeof(lehr_input) >= 96, "it may have grown at its end");
_Static_assert(sizeof(lehr_status) == 4, "returned as an int");
_Static_assert(LEHR_ABI_VERSION == 1u, "a new version needs its own list");
