# A third of most files' compile time goes into reading the same headers: they are read once, here, and once more
# with LibTorch's by framework/lm. Compilers take such a file only where the flags are the same, hence those below.

# lehr_share_headers(OWNER LINK target... HEADERS header...): precompiles them. At -O2, because gcc 12 takes that into
# files of -O1 as well, while the other way round it crashes. OWNER_of_tests: the same for what is compiled without
# optimization, tests, in a third of the time.
function(lehr_share_headers owner)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "LINK;HEADERS")
  foreach(variant ${owner} ${owner}_of_tests)
    add_library(${variant} STATIC ${PROJECT_SOURCE_DIR}/cmake/shared_headers.cpp)
    target_precompile_headers(${variant} PRIVATE ${arg_HEADERS} <json_instances.h> <filesystem> <fstream> <functional>
      <map> <memory> <optional> <string> <string_view> <vector>)
    # Not by its full path, with which no other clone finds in the compiler's cache what this one has compiled.
    target_include_directories(${variant} PRIVATE ${PROJECT_SOURCE_DIR}/cmake)
    target_link_libraries(${variant} PRIVATE ${arg_LINK} nlohmann_json::nlohmann_json)
    set_target_properties(${variant} PROPERTIES VISIBILITY_INLINES_HIDDEN ON)
  endforeach()
  target_compile_options(${owner} PRIVATE -O2)
  target_compile_options(${owner}_of_tests PRIVATE ${LEHR_TEST_OPTIONS})
  set_target_properties(${owner}_of_tests PROPERTIES EXCLUDE_FROM_ALL ON)
endfunction()
lehr_share_headers(lehr_headers)
add_library(lehr_json_instances STATIC ${PROJECT_SOURCE_DIR}/cmake/json_instances.cpp)
target_link_libraries(lehr_json_instances PRIVATE nlohmann_json::nlohmann_json)
target_compile_options(lehr_json_instances PRIVATE -O2)
set_target_properties(lehr_json_instances PROPERTIES VISIBILITY_INLINES_HIDDEN ON)

# lehr_reuse_headers(OWNER folder...): all that these folders compile starts from OWNER's precompiled headers, their
# programs of tests from OWNER_of_tests'.
function(lehr_reuse_headers owner)
  foreach(folder ${ARGN})
    get_property(targets DIRECTORY ${folder} PROPERTY BUILDSYSTEM_TARGETS)
    foreach(target ${targets})
      get_target_property(sources ${target} SOURCES)
      if(sources MATCHES "\\.cpp" AND NOT sources MATCHES "shared_headers")
        set(headers ${owner})
        if(target MATCHES "_test$" AND NOT owner MATCHES "_of_tests$")
          set(headers ${owner}_of_tests)
        endif()
        target_precompile_headers(${target} REUSE_FROM ${headers})
        if(headers MATCHES "_of_tests$")
          target_compile_options(${target} PRIVATE ${LEHR_TEST_OPTIONS})
        endif()
        target_link_libraries(${target} PRIVATE lehr_json_instances)
        set_target_properties(${target} PROPERTIES VISIBILITY_INLINES_HIDDEN ON)
        target_compile_options(${target} PRIVATE -fPIC)  # programs too, whose flag is another one
        if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)  # false alarms about moved strings, not kept silent as a system's are
          target_compile_options(${target} PRIVATE -Wno-array-bounds -Wno-stringop-overflow -Wno-stringop-overread
            -Wno-restrict -Wno-subobject-linkage)
        endif()
      endif()
    endforeach()
  endforeach()
endfunction()
