/* A shared library for plugin_file_test: something to stamp, strip and damage. */
const char* lehr_test_text(void) { return "a text inside the library"; }
