# lehr_add_plugin(NAME SOURCES file... [LINK target...])
#   Builds NAME.so, a Lehr plugin, and stamps its manifest: the plugin's own description of its stages, document
#   steps and rewards, written as JSON into a section of the file, so that `lehr` can read it without loading
#   the plugin. Works the same inside Lehr's tree and, after find_package(Lehr), in a plugin author's.
function(lehr_add_plugin name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LINK")
  add_library(${name}_plugin MODULE ${arg_SOURCES})
  set_target_properties(${name}_plugin PROPERTIES PREFIX "" OUTPUT_NAME ${name}
    CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
  if(LEHR_PLUGIN_DIR)
    set_target_properties(${name}_plugin PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${LEHR_PLUGIN_DIR})
  endif()
  target_compile_features(${name}_plugin PRIVATE cxx_std_20)
  target_link_libraries(${name}_plugin PRIVATE lehr::sdk ${arg_LINK})
  target_link_options(${name}_plugin PRIVATE -Wl,-z,nodelete -Wl,--no-undefined -Wl,--exclude-libs,ALL)
  add_custom_command(TARGET ${name}_plugin POST_BUILD
    COMMAND lehr::host --stamp $<TARGET_FILE:${name}_plugin> VERBATIM)
endfunction()
