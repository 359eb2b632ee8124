# A third of most files' compile time goes into reading the same headers: they are read once, here, and once more
# with LibTorch's by lehr_lm. Compilers take such a file only where the flags are the same, hence the two below.

add_library(lehr_headers STATIC ${CMAKE_CURRENT_LIST_DIR}/shared_headers.cpp)
target_precompile_headers(lehr_headers PRIVATE <nlohmann/json.hpp> <filesystem> <fstream> <functional> <map>
  <memory> <optional> <string> <string_view> <vector>)
target_link_libraries(lehr_headers PRIVATE nlohmann_json::nlohmann_json)
set_target_properties(lehr_headers PROPERTIES VISIBILITY_INLINES_HIDDEN ON)

# lehr_reuse_headers(OWNER folder...): all that these folders compile starts from OWNER's precompiled headers.
function(lehr_reuse_headers owner)
  foreach(folder ${ARGN})
    get_property(options DIRECTORY ${folder} PROPERTY COMPILE_OPTIONS)
    get_property(targets DIRECTORY ${folder} PROPERTY BUILDSYSTEM_TARGETS)
    foreach(target ${targets})
      get_target_property(sources ${target} SOURCES)
      if(sources MATCHES "\\.cpp" AND NOT target STREQUAL owner)
        if(NOT "-O2" IN_LIST options)  # GCC 12 crashes over headers that were precompiled at another level
          target_precompile_headers(${target} REUSE_FROM ${owner})
        endif()
        set_target_properties(${target} PROPERTIES VISIBILITY_INLINES_HIDDEN ON)
        target_compile_options(${target} PRIVATE -fPIC)  # programs too, whose flag is another one
        if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)  # false alarms about moved strings, not kept silent as a system's are
          target_compile_options(${target} PRIVATE -Wno-array-bounds -Wno-stringop-overflow -Wno-stringop-overread
            -Wno-restrict)
        endif()
      endif()
    endforeach()
  endforeach()
endfunction()
