# lehr_add_plugin(NAME SOURCES file... [LINK target...])
#   Builds NAME.so, a Lehr plugin, and stamps its manifest: the plugin's own description of its stages, document
#   steps and rewards, written as JSON into a section of the file, so that `lehr` can read it without loading
#   the plugin. Works the same inside Lehr's tree and, after find_package(Lehr), in a plugin author's.
set(lehr_plugin_symbols ${CMAKE_CURRENT_LIST_DIR}/plugin.map)
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
  target_link_options(${name}_plugin PRIVATE -Wl,-z,nodelete -Wl,--no-undefined
    -Wl,--version-script=${lehr_plugin_symbols})
  set_target_properties(${name}_plugin PROPERTIES LINK_DEPENDS ${lehr_plugin_symbols})
  add_custom_command(TARGET ${name}_plugin POST_BUILD
    COMMAND lehr::host --stamp $<TARGET_FILE:${name}_plugin> VERBATIM)
endfunction()

# lehr_test_plugin(NAME [PIPELINE file...] [ARGUMENTS argument...])
#   Tests for ctest: the conformance kit on the plugin (ARGUMENTS go to `lehr plugins test`), and each pipeline run
#   once with it; enable_testing() stands before.
function(lehr_test_plugin name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "PIPELINE;ARGUMENTS")
  if(NOT TARGET lehr::lehr)
    return()
  endif()
  add_test(NAME ${name}_conformance
    COMMAND lehr::lehr plugins test $<TARGET_FILE:${name}_plugin> ${arg_ARGUMENTS})
  foreach(pipeline ${arg_PIPELINE})
    cmake_path(GET pipeline STEM stem)
    add_test(NAME ${name}_${stem} COMMAND lehr::lehr run ${CMAKE_CURRENT_SOURCE_DIR}/${pipeline}
      --plugin-path $<TARGET_FILE_DIR:${name}_plugin> --store ${CMAKE_CURRENT_BINARY_DIR}/test-store)
  endforeach()
endfunction()
