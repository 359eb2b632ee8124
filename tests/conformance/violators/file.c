/* What a plugin file may not be, by macro: FICKLE (its description is another one when it is loaded
 * again), UNLICENSED, TALKATIVE (shows another symbol). Else it is fine. */
#include <lehr/abi.h>
#include <stdlib.h>
#include <string.h>

#ifdef UNLICENSED
#define LICENSE ""
#else
#define LICENSE "Apache-2.0"
#endif
#define DESCRIPTION(version)                                 \
  "{\"manifest\":1,\"name\":\"file\",\"version\":\"" version \
  "\",\"summary\":\"a file\","                               \
  "\"license\":\"" LICENSE                                   \
  "\",\"abi\":1,\"stages\":[],\"steps\":[],\"rewards\":["    \
  "{\"name\":\"one\",\"summary\":\"always 1\",\"parameters\":[]}]}"

static lehr_status create(const lehr_value* parameters, const lehr_sink* error, void** instance) {
  (void)parameters;
  (void)error;
  *instance = NULL;
  return LEHR_OK;
}
static void destroy(void* instance) { (void)instance; }
static lehr_status score(void* instance, const lehr_exchange* exchanges, size_t count,
                         size_t stride, double* scores, const lehr_sink* error) {
  (void)instance;
  (void)exchanges;
  (void)stride;
  (void)error;
  for (size_t i = 0; i < count; ++i) scores[i] = 1;
  return LEHR_OK;
}

int talk(void);
int talk(void) { return 1; }

const lehr_plugin* lehr_plugin_entry(const lehr_host* host) {
  static const lehr_reward rewards[] = {{sizeof(lehr_reward), {"one", 3}, create, score, destroy}};
  static lehr_plugin plugin;
  const char* description = DESCRIPTION("1.0.0");
  (void)host;
#ifdef FICKLE
  if (!getenv("STAMPING")) description = DESCRIPTION("2.0.0");
#endif
  plugin.size = sizeof plugin;
  plugin.abi = plugin.needs_abi = 1;
  plugin.description.data = description;
  plugin.description.size = strlen(description);
  plugin.rewards = rewards;
  plugin.reward_count = 1;
  plugin.reward_stride = sizeof(lehr_reward);
  return &plugin;
}
