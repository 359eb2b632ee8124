/* The C boundary between Lehr and its plugins. Version 1, frozen.
 *
 * A plugin is a shared library that exports one function, `lehr_plugin_entry`, which returns a
 * table. Stages, document steps and rewards are tables of function pointers; the host passes a
 * table of services. Everything a plugin says about itself (names, parameters, ports) is one JSON
 * text, `lehr_plugin.description`; its form is described in description.md beside this header. C++
 * authors use plugin.h, which writes all of this for them.
 *
 * Growth. What is here never changes: no member is removed, moved or given another meaning, so an
 * old plugin runs on every newer host. New things come in these ways only:
 *  - A table begins with its size in bytes, set by whoever fills it, and grows at its end. Whoever
 *    reads a table looks at that size before it touches a member that version 1 did not have; one
 *    beyond the size counts as null.
 *  - Arrays carry the stride of their elements, so elements grow at their end too. A reader walks
 * by the stride it was given, never by its own sizeof, and reads no more of an element than that
 *    stride. A structure that the caller hands over to be filled comes with its size; no more than
 *    that is written.
 *  - Enumerations get new values, flags new bits. A plugin takes an unknown lehr_kind for
 * LEHR_NULL; a host takes an unknown lehr_status or lehr_verdict for a failure and an unknown log
 * level for the nearest one. Flag bits without a name are 0 and are ignored.
 *  - A new service or promise raises LEHR_ABI_VERSION. A plugin that cannot do without it says so
 * in `needs_abi`, and older hosts refuse it by name; one that can, compares lehr_host.size or .abi.
 *  - The description is JSON in which unknown members are ignored.
 *
 * Strings are (pointer, length), UTF-8, not terminated; an empty one may have a null pointer.
 *
 * Ownership. What a pointer leads to belongs to the side that made it, and is borrowed for the call
 * that passes it unless the comment says longer. Neither side frees what the other allocated. No
 * C++ type, exception or allocator crosses, so compiler, standard library and the versions of all
 * other libraries are each side's own business.
 *
 * Errors. A function that can fail returns a lehr_status; before it returns LEHR_FAILED it tells
 * why through the `fail` service or the lehr_sink it was given: what happened, where, how to fix
 * it. Out parameters count only with LEHR_OK. What a function throws, or a crash, ends its process
 * and is reported with the plugin's name.
 *
 * Threads. `lehr_plugin_entry`, `check`, `check_inputs`, `estimate`, `run` and the functions of a
 * reward are called from the main thread of a process that runs nothing else; a stage may start
 * threads and must have joined them when `run` returns. An instance of a step may be created, used
 * and destroyed on different threads, but by one at a time; several instances are used at once.
 * Host services may be called from any thread of the stage unless noted. A library is never
 * unloaded.
 */
#ifndef LEHR_ABI_H
#define LEHR_ABI_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LEHR_ABI_VERSION 1u
#define LEHR_PLUGIN_ENTRY "lehr_plugin_entry"
/* ELF section, not loaded, that holds the description after stamping. */
#define LEHR_MANIFEST_SECTION ".lehr.manifest"

typedef struct lehr_str {
  const char* data;
  size_t size;
} lehr_str;

typedef enum lehr_status {
  LEHR_OK = 0,
  LEHR_FAILED = 1,   /* told why through `fail` */
  LEHR_CANCELLED = 2 /* stopped because cancelled() said so; durable state was committed if the
                        stage keeps any */
} lehr_status;

/* ---- parameter values: a tree owned by the host, alive as long as the context or instance it was
 * given to ---- */

typedef enum lehr_kind {
  LEHR_NULL = 0,
  LEHR_BOOL = 1,
  LEHR_INT = 2,    /* also count (plain number), bytes (bytes) */
  LEHR_REAL = 3,   /* also duration (seconds) */
  LEHR_STRING = 4, /* also enum; input_path: an absolute path */
  LEHR_LIST = 5,
  LEHR_MAP = 6
} lehr_kind;

typedef struct lehr_value {
  uint32_t kind;
  int32_t boolean;
  int64_t integer;
  double real; /* set for LEHR_INT too */
  lehr_str string;
  const struct lehr_value* items; /* LEHR_LIST, LEHR_MAP: `count` values, `stride` bytes apart */
  const lehr_str* keys;           /* LEHR_MAP: `count` names, in declared order */
  size_t count;
  size_t stride;
} lehr_value;

/* Where a function without a context writes its error message; may be called once. */
typedef struct lehr_sink {
  size_t size;
  void* self;
  void (*write)(void* self, lehr_str text);
} lehr_sink;

/* ---- document steps ---- */

typedef enum lehr_verdict { LEHR_KEEP = 0, LEHR_DROP = 1, LEHR_REWRITE = 2 } lehr_verdict;

typedef struct lehr_document {
  lehr_str id;
  lehr_str text;
  lehr_str fields; /* the document's other fields as one JSON object text, or empty */
  /* written by the step */
  uint32_t verdict; /* LEHR_KEEP on entry */
  lehr_str reason;  /* with LEHR_DROP: a short snake_case name, alive as long as the instance */
  lehr_str
      rewritten; /* with LEHR_REWRITE: the new text, alive until the next call on this instance */
} lehr_document;

typedef struct lehr_step {
  size_t size;
  lehr_str name;
  /* One instance per worker thread; an instance is never used by two threads at once. */
  lehr_status (*create)(const lehr_value* parameters, const lehr_sink* error, void** instance);
  /* Pure: the verdict on a document depends on that document and the parameters alone. */
  lehr_status (*process)(void* instance, lehr_document* documents, size_t count, size_t stride,
                         const lehr_sink* error);
  void (*destroy)(void* instance);
} lehr_step;

/* ---- rewards ---- */

typedef struct lehr_exchange {
  lehr_str prompt;     /* JSON: [{"role","content"}, ...] */
  lehr_str completion; /* text of the answer */
  lehr_str reference;  /* the expected answer where the prompt has one, else empty */
  uint32_t truncated;  /* 1: the answer reached the length limit without ending its turn */
} lehr_exchange;

typedef struct lehr_reward {
  size_t size;
  lehr_str name;
  lehr_status (*create)(const lehr_value* parameters, const lehr_sink* error, void** instance);
  /* scores[i] for exchanges[i]; a score does not depend on what else is in the batch. */
  lehr_status (*score)(void* instance, const lehr_exchange* exchanges, size_t count, size_t stride,
                       double* scores, const lehr_sink* error);
  void (*destroy)(void* instance);
} lehr_reward;

/* ---- stages ---- */

typedef struct lehr_context lehr_context; /* one running stage; owned by the host */

typedef struct lehr_input {
  lehr_str port;
  lehr_str label;  /* in a list port the stage that made it ("dpo@beta=0.1"), else the port */
  lehr_str type;   /* "documents", "model", ... */
  lehr_str path;   /* absolute path of a read-only directory */
  lehr_str digest; /* artifact digest, 64 hex digits */
  lehr_str facets; /* JSON object of strings */
  /* ---- not in the first hosts: look at the size or stride before use ---- */
  lehr_str facts; /* for `estimate`: JSON object, what the stage that will make this input tells of
                     it, see lehr_estimate.outputs; empty: nothing, or it is made already */
} lehr_input;

typedef struct lehr_output {
  lehr_str port;
  lehr_str type;
  lehr_str path; /* absolute path of the directory to fill */
} lehr_output;

typedef struct lehr_progress {
  size_t size;
  uint64_t done, total; /* total 0: not known */
  lehr_str unit;        /* "tokens", "documents", "steps" */
  lehr_str note;        /* short, shown as it is: "loss 3.21" */
} lehr_progress;

/* A timing or the like: kept, but not expected to be the same again. */
enum { LEHR_RESULT_VOLATILE = 1u };
enum { LEHR_DEBUG = 0, LEHR_INFO = 1, LEHR_WARNING = 2 };

/* Host services. All may be called from any thread of the stage unless noted. */
typedef struct lehr_host {
  size_t size;
  uint32_t abi; /* LEHR_ABI_VERSION of the host */
  lehr_str version;

  void (*fail)(lehr_context*,
               lehr_str message); /* last message wins; a stage then returns LEHR_FAILED */
  void (*log)(lehr_context*, int32_t level, lehr_str text);
  void (*progress)(lehr_context*, const lehr_progress*);
  /* One point of a series kept with the run (JSONL and TensorBoard). */
  void (*metric)(lehr_context*, int64_t step, lehr_str name, double value);
  /* A named number that belongs to the stage's result and is cached with it. */
  void (*result)(lehr_context*, lehr_str name, double value, uint32_t flags);
  int32_t (*cancelled)(lehr_context*);

  const lehr_value* (*parameters)(lehr_context*);
  uint64_t (*seed)(lehr_context*);
  uint32_t (*threads)(lehr_context*);
  lehr_str (*device)(lehr_context*); /* "cpu" or "cuda" */
  size_t (*input_count)(lehr_context*);
  /* Fills the first out_size bytes of *out. */
  lehr_status (*input)(lehr_context*, size_t index, lehr_input* out, size_t out_size);
  /* Directory of an output port, to be filled with files; absolute path, alive with the context.
   * LEHR_FAILED: no such port. */
  lehr_status (*output)(lehr_context*, lehr_str port, lehr_str* path);
  lehr_status (*set_facet)(lehr_context*, lehr_str port, lehr_str name, lehr_str value);

  /* Durable state, for a stage that can go on after being killed (one thread at a time).
   * begin: an empty directory to write into. commit: makes it durable and atomic under `tag`,
   * together with the present lengths of all files in the output directories, and drops the tags
   * that `keep_tags` (JSON list; empty: only this one) does not name. latest/find: the directory of
   * a committed state; LEHR_FAILED: there is none. Before a resumed stage starts, its output files
   * are truncated to the lengths of the latest committed state (newer ones removed). */
  lehr_status (*state_begin)(lehr_context*, lehr_str* path);
  lehr_status (*state_commit)(lehr_context*, lehr_str tag, lehr_str keep_tags);
  lehr_status (*state_latest)(lehr_context*, lehr_str* tag, lehr_str* path);
  lehr_status (*state_find)(lehr_context*, lehr_str tag, lehr_str* path);

  /* Document steps named by a parameter of type `steps`: instance number `index` of that list. The
   * table stays alive with the context; the caller destroys the instance through it. */
  lehr_status (*open_step)(lehr_context*, lehr_str parameter, size_t index, const lehr_step** step,
                           void** instance);
  /* Scores by entry `index` of a parameter of type `rewards`; it runs in a process of its own. */
  lehr_status (*score)(lehr_context*, lehr_str parameter, size_t index,
                       const lehr_exchange* exchanges, size_t count, size_t stride, double* scores);

  /* ---- not in the first hosts: look at `size` before use ---- */

  /* All output ports, those that only the pipeline declares included. */
  size_t (*output_count)(lehr_context*);
  lehr_status (*output_at)(lehr_context*, size_t index, lehr_output* out, size_t out_size);
  /* For lehr_plugin_entry, before it returns null: why. */
  void (*refuse)(lehr_str message);
} lehr_host;

/* Which numbers of an estimate are the most that can be. */
enum {
  LEHR_AT_MOST_STEPS = 1u,
  LEHR_AT_MOST_TOKENS = 2u,
  LEHR_AT_MOST_PARAMETERS = 4u,
  LEHR_AT_MOST_FLOPS = 8u,
  LEHR_AT_MOST_MEMORY = 16u,
  LEHR_AT_MOST_DISK = 32u,
  LEHR_AT_MOST_SECONDS = 64u
};

/* The host sets the size and every number to -1, "not known"; the stage fills in what it knows. */
typedef struct lehr_estimate {
  size_t size;
  double steps;      /* of the optimizer, or whatever the stage counts as one */
  double tokens;     /* processed, repetitions included */
  double parameters; /* of the model that is trained */
  double flops;
  double memory_bytes; /* highest resident set */
  double disk_bytes;   /* largest together in the work folder: checkpoints and outputs */
  /* ---- not in the first hosts: look at `size` before use ---- */
  double seconds;   /* on this machine, roughly */
  uint64_t at_most; /* LEHR_AT_MOST_* of the numbers that may well turn out to be less; 0 before */
  /* Set by the host. Takes, once, a JSON object: what the outputs will be, by port, as far as it is
   * known before they are made ("Facts" in description.md). The estimates of the stages that they
   * go to find it in lehr_input.facts. */
  const lehr_sink* outputs;
} lehr_estimate;

typedef struct lehr_stage {
  size_t size;
  lehr_str name;
  /* Cross-parameter rules beyond types and ranges; may be null. Called while planning and before
   * run: quick, and reads parameters only. */
  lehr_status (*check)(const lehr_value* parameters, const lehr_sink* error);
  lehr_status (*run)(lehr_context*, const lehr_host*);
  /* ---- not in the first hosts: look at `size` before use ---- */
  /* What running it would need, told without running it: for `lehr plan`. May be null. `inputs`:
   * as known while planning; `path` and `digest` are empty for what is not made yet. */
  lehr_status (*estimate)(const lehr_value* parameters, const lehr_input* inputs, size_t count,
                          size_t stride, lehr_estimate* out, const lehr_sink* error);
  /* Rules about what is connected, as `check` beside it; may be null. `inputs`: every artifact that
   * is, with its port, label and type alone, as no more is known before anything runs. */
  lehr_status (*check_inputs)(const lehr_value* parameters, const lehr_input* inputs, size_t count,
                              size_t stride, const lehr_sink* error);
} lehr_stage;

typedef struct lehr_plugin {
  size_t size;
  uint32_t abi;         /* LEHR_ABI_VERSION this plugin was built with */
  uint32_t needs_abi;   /* oldest host it can use; 1 for what uses version 1 only */
  lehr_str description; /* JSON, alive as long as the library */
  const lehr_stage* stages;
  size_t stage_count, stage_stride;
  const lehr_step* steps;
  size_t step_count, step_stride;
  const lehr_reward* rewards;
  size_t reward_count, reward_stride;
} lehr_plugin;

/* Returns null if the host cannot be used. Called once, before anything else. The tables stay as
 * long as the process; `host` does, too. */
const lehr_plugin* lehr_plugin_entry(const lehr_host* host);
typedef const lehr_plugin* (*lehr_plugin_entry_fn)(const lehr_host* host);

#ifdef __cplusplus
}
#endif
#endif
