/* Plugins no C++ wrapper would make: one file, compiled once per kind of fault (-DFAULT_<kind>). */
#include <lehr/abi.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TEXT(s) {s, sizeof(s) - 1}
#define DESCRIPTION                                                                                   \
  "{\"manifest\":1,\"name\":\"raw\",\"version\":\"1\",\"stages\":[{\"name\":\"raw\",\"inputs\":[],"   \
  "\"outputs\":[{\"name\":\"documents\",\"type\":\"documents\"}],\"parameters\":[]}]}"

static lehr_status run(lehr_context* context, const lehr_host* host) {
  (void)context, (void)host;
#ifdef FAULT_no_reason
  return LEHR_FAILED;
#elif defined FAULT_bad_status
  return (lehr_status)77;
#elif defined FAULT_uninvited_cancel
  return LEHR_CANCELLED;
#elif defined FAULT_wild_strings
  const lehr_str wild = {NULL, 0};
  lehr_progress progress = {sizeof progress, 2, 1, wild, wild};
  host->log(context, -7, wild);
  host->progress(context, &progress);
  host->metric(context, INT64_MIN, wild, 0.0 / 0.0);
  host->result(context, wild, 1e308 * 10, 77);
  lehr_str path;
  lehr_input input;
  if (host->output(context, wild, &path) == LEHR_OK || host->input(context, SIZE_MAX, &input, 1) == LEHR_OK ||
      host->state_commit(context, wild, wild) == LEHR_OK || host->state_find(context, wild, &path) == LEHR_OK ||
      host->score(context, wild, 9, NULL, 0, 0, NULL) == LEHR_OK)
    abort();
  return LEHR_FAILED;
#else
  return LEHR_OK;
#endif
}

static const lehr_stage stage = {sizeof stage, TEXT("raw"), NULL, run, NULL, NULL};
static lehr_plugin plugin = {sizeof plugin, LEHR_ABI_VERSION, LEHR_ABI_VERSION, TEXT(DESCRIPTION),
                             &stage, 1, sizeof stage, NULL, 0, 0, NULL, 0, 0};

#ifdef FAULT_constructor_crash
__attribute__((constructor)) static void construct(void) { raise(SIGSEGV); }
#elif defined FAULT_constructor_exit
__attribute__((constructor)) static void construct(void) { _exit(0); }
#elif defined FAULT_constructor_hang
__attribute__((constructor)) static void construct(void) {
  for (;;) pause();
}
#endif
#ifdef FAULT_unresolved
extern int this_is_nowhere(void);
#endif

#ifndef FAULT_no_symbol
__attribute__((visibility("default"))) const lehr_plugin* lehr_plugin_entry(const lehr_host* host) {
  (void)host;
#ifdef FAULT_entry_crash
  raise(SIGSEGV);
#elif defined FAULT_entry_null
  return NULL;
#elif defined FAULT_newer
  plugin.abi = plugin.needs_abi = 99;
#elif defined FAULT_no_version
  plugin.abi = 0;
#elif defined FAULT_small_table
  plugin.size = 8;
#elif defined FAULT_small_elements
  plugin.stage_stride = 8;
#elif defined FAULT_no_stage
  plugin.stage_count = 0;
#elif defined FAULT_other_description
  static const char other[] = "{\"manifest\":1,\"name\":\"raw\",\"version\":\"2\"}";
  plugin.description.data = other;
  plugin.description.size = sizeof other - 1;
#elif defined FAULT_no_json
  plugin.description.size = 20;
#elif defined FAULT_unresolved
  return this_is_nowhere() ? &plugin : NULL;
#endif
  return &plugin;
}
#endif
