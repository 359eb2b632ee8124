/* A plugin in plain C, its description written by hand: a stage, a document step and a reward.
 *
 * Built three times: as it is; with OLDER, in which the stage table ends where it ended before
 * `estimate` was added; with NEWER, in which tables have members that this host does not know. */
#include <dirent.h>
#include <lehr/abi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static lehr_str text(const char* s) {
  lehr_str out = {s, strlen(s)};
  return out;
}

static const lehr_value* member(const lehr_value* map, const char* name) {
  for (size_t i = 0; i < map->count; ++i)
    if (map->keys[i].size == strlen(name) && memcmp(map->keys[i].data, name, strlen(name)) == 0)
      return (const lehr_value*)((const char*)map->items + i * map->stride);
  return NULL;
}

/* ---- the stage: the first rows of every file ---- */

static lehr_status check(const lehr_value* parameters, const lehr_sink* error) {
  if (member(parameters, "rows")->integer % 2 == 0) return LEHR_OK;
  error->write(error->self, text("rows is odd; this stage takes pairs. Give an even number"));
  return LEHR_FAILED;
}

static int copy_rows(const char* from, const char* to, int64_t rows) {
  FILE* in = fopen(from, "rb");
  FILE* out = fopen(to, "wb");
  int64_t row = 0;
  int c = 0;
  while (in && out && row < rows && (c = fgetc(in)) != EOF) {
    fputc(c, out);
    row += c == '\n';
  }
  int failed = !in || !out || ferror(out);
  if (in) fclose(in);
  if (out && fclose(out) != 0) failed = 1;
  return failed;
}

static lehr_status run(lehr_context* self, const lehr_host* host) {
  lehr_input in;
  lehr_str to;
  if (host->input(self, 0, &in, sizeof in) != LEHR_OK ||
      host->output(self, text("conversations"), &to) != LEHR_OK) {
    host->fail(self, text("the ports are not connected"));
    return LEHR_FAILED;
  }
  const int64_t rows = member(host->parameters(self), "rows")->integer;
  char folder[4096];
  snprintf(folder, sizeof folder, "%.*s", (int)in.path.size, in.path.data);
  DIR* files = opendir(folder);
  lehr_status status = LEHR_OK;
  uint64_t done = 0;
  for (struct dirent* file; files && (file = readdir(files));) {
    char source[8192], target[8192];
    if (!strstr(file->d_name, ".jsonl")) continue;
    if (host->cancelled(self)) {
      status = LEHR_CANCELLED;
      break;
    }
    snprintf(source, sizeof source, "%s/%s", folder, file->d_name);
    snprintf(target, sizeof target, "%.*s/%s", (int)to.size, to.data, file->d_name);
    if (copy_rows(source, target, rows)) {
      host->fail(self, text("a file could not be copied; is the disk full?"));
      status = LEHR_FAILED;
      break;
    }
    lehr_progress progress = {sizeof progress, ++done, 0, {"files", 5}, {"", 0}};
    host->progress(self, &progress);
  }
  if (files) closedir(files);
  host->result(self, text("files"), (double)done, 0);
  return status;
}

#ifdef OLDER
typedef struct stage_table {
  size_t size;
  lehr_str name;
  lehr_status (*check)(const lehr_value*, const lehr_sink*);
  lehr_status (*run)(lehr_context*, const lehr_host*);
} stage_table;
typedef lehr_step step_table;
typedef lehr_reward reward_table;
#define STAGE(name) \
  { sizeof(stage_table), {name, sizeof name - 1}, check, run }
#elif defined(NEWER)
typedef struct stage_table {
  lehr_stage known;
  void (*later[4])(void);
} stage_table;
typedef struct step_table {
  lehr_step known;
  void (*later)(void);
} step_table;
typedef struct reward_table {
  lehr_reward known;
  void (*later)(void);
} reward_table;
#define STAGE(name)                                                            \
  {                                                                            \
    {sizeof(stage_table), {name, sizeof name - 1}, check, run, NULL}, { NULL } \
  }
#else
typedef lehr_stage stage_table;
typedef lehr_step step_table;
typedef lehr_reward reward_table;
#define STAGE(name) \
  { sizeof(stage_table), {name, sizeof name - 1}, check, run, NULL }
#endif

/* ---- the step: drops long documents ---- */

static lehr_status create(const lehr_value* parameters, const lehr_sink* error, void** instance) {
  int64_t* limit = malloc(sizeof *limit);
  if (!limit) {
    error->write(error->self, text("out of memory"));
    return LEHR_FAILED;
  }
  *limit = member(parameters, "limit")->integer;
  *instance = limit;
  return LEHR_OK;
}

static lehr_status process(void* instance, lehr_document* documents, size_t count, size_t stride,
                           const lehr_sink* error) {
  (void)error;
  for (size_t i = 0; i < count; ++i) {
    lehr_document* d = (lehr_document*)((char*)documents + i * stride);
    if ((int64_t)d->text.size <= *(const int64_t*)instance) continue;
    d->verdict = LEHR_DROP;
    d->reason = text("too_long");
  }
  return LEHR_OK;
}

/* ---- the reward: nearness of the answer's length to the limit ---- */

static lehr_status score(void* instance, const lehr_exchange* exchanges, size_t count,
                         size_t stride, double* scores, const lehr_sink* error) {
  (void)error;
  for (size_t i = 0; i < count; ++i) {
    const lehr_exchange* e = (const lehr_exchange*)((const char*)exchanges + i * stride);
    const double size = (double)e->completion.size, limit = (double)*(const int64_t*)instance;
    scores[i] = size < limit ? size / limit : limit / (size > 0 ? size : 1);
  }
  return LEHR_OK;
}

/* ---- the table ---- */

static const char kDescription[] =
    "{\"manifest\":1,\"name\":\"plain_c\",\"version\":\"1.0.0\",\"summary\":\"a plugin in plain "
    "C\","
    "\"license\":\"Apache-2.0\",\"abi\":1,"
    "\"stages\":[{\"name\":\"head\",\"summary\":\"the first rows of every file\","
    "\"determinism\":\"exact\",\"seed\":false,\"check\":true,"
    "\"inputs\":[{\"name\":\"conversations\",\"type\":\"conversations\"}],"
    "\"outputs\":[{\"name\":\"conversations\",\"type\":\"conversations\"}],"
    "\"parameters\":[{\"name\":\"rows\",\"type\":\"count\",\"default\":2,\"min\":2}]}],"
    "\"steps\":[{\"name\":\"short\",\"summary\":\"drops long documents\","
    "\"parameters\":[{\"name\":\"limit\",\"type\":\"bytes\",\"default\":100,\"min\":1}]}],"
    "\"rewards\":[{\"name\":\"length\",\"summary\":\"nearness of the length to a limit\","
    "\"parameters\":[{\"name\":\"limit\",\"type\":\"bytes\",\"default\":100,\"min\":1}]}]}";

#ifdef NEWER
#define ITEM(type, name, work) \
  { {sizeof(type), {name, sizeof name - 1}, create, work, free}, NULL }
#else
#define ITEM(type, name, work) \
  { sizeof(type), {name, sizeof name - 1}, create, work, free }
#endif

const lehr_plugin* lehr_plugin_entry(const lehr_host* host) {
  static const stage_table stages[] = {STAGE("head")};
  static const step_table steps[] = {ITEM(step_table, "short", process)};
  static const reward_table rewards[] = {ITEM(reward_table, "length", score)};
  static lehr_plugin plugin;
  if (host->abi < 1) return NULL;
  plugin.size = sizeof plugin;
  plugin.abi = plugin.needs_abi = 1;
  plugin.description = text(kDescription);
  plugin.stages = (const lehr_stage*)stages;
  plugin.stage_count = 1;
  plugin.stage_stride = sizeof(stage_table);
  plugin.steps = (const lehr_step*)steps;
  plugin.step_count = 1;
  plugin.step_stride = sizeof(step_table);
  plugin.rewards = (const lehr_reward*)rewards;
  plugin.reward_count = 1;
  plugin.reward_stride = sizeof(reward_table);
  return &plugin;
}
