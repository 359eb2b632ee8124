# Apache Arrow's C++ library with Parquet, as the wheel of pyarrow brings it; optional.
#   lehr::arrow   headers and libraries, where they are; with a run path from the plugins' folder
set(LEHR_ARROW "$ENV{LEHR_ARROW}" CACHE PATH "Arrow: a directory with include/, libarrow.so.* and libparquet.so.*")
if(NOT LEHR_ARROW)
  set(LEHR_ARROW ${PROJECT_SOURCE_DIR}/.deps/arrow)
endif()
file(GLOB arrow_libraries CONFIGURE_DEPENDS ${LEHR_ARROW}/libarrow.so.* ${LEHR_ARROW}/libparquet.so.*)
if(arrow_libraries AND EXISTS ${LEHR_ARROW}/include/parquet/arrow/reader.h)
  add_library(lehr_arrow INTERFACE)
  add_library(lehr::arrow ALIAS lehr_arrow)
  target_include_directories(lehr_arrow SYSTEM INTERFACE ${LEHR_ARROW}/include)
  file(RELATIVE_PATH arrow_from_plugins ${LEHR_PLUGIN_DIR} ${LEHR_ARROW})
  # In a file, because CMake's Ninja generator escapes the dollar of $ORIGIN twice on the command line.
  file(WRITE ${PROJECT_BINARY_DIR}/arrow-run-path "-rpath=$ORIGIN/${arrow_from_plugins}\n")
  target_link_libraries(lehr_arrow INTERFACE ${arrow_libraries})
  target_link_options(lehr_arrow INTERFACE
    $<IF:$<STREQUAL:$<TARGET_PROPERTY:TYPE>,MODULE_LIBRARY>,-Wl$<COMMA>@${PROJECT_BINARY_DIR}/arrow-run-path,-Wl$<COMMA>-rpath$<COMMA>${LEHR_ARROW}>)
endif()
