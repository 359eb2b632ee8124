/* A library named as an interpreter is; for a plugin that may not need it. */
int python9_version(void);
int python9_version(void) { return 9; }
