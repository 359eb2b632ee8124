# Apache Arrow's C++ library with Parquet, as the wheel of pyarrow brings it; optional.
#   lehr::arrow   headers and libraries, where they are; with a run path from the plugins' folder
include(${CMAKE_CURRENT_LIST_DIR}/LinkedLibrary.cmake)
set(LEHR_ARROW "$ENV{LEHR_ARROW}" CACHE PATH "Arrow: a directory with include/, libarrow.so.* and libparquet.so.*")
if(NOT LEHR_ARROW)
  set(LEHR_ARROW ${PROJECT_SOURCE_DIR}/.deps/arrow)
endif()
file(GLOB arrow_libraries CONFIGURE_DEPENDS ${LEHR_ARROW}/libarrow.so.* ${LEHR_ARROW}/libparquet.so.*)
if(arrow_libraries AND EXISTS ${LEHR_ARROW}/include/parquet/arrow/reader.h)
  add_library(lehr_arrow INTERFACE)
  add_library(lehr::arrow ALIAS lehr_arrow)
  target_include_directories(lehr_arrow SYSTEM INTERFACE ${LEHR_ARROW}/include)
  lehr_link_library(arrow ${LEHR_ARROW} "")
  target_link_libraries(lehr_arrow INTERFACE ${arrow_libraries})
  target_link_options(lehr_arrow INTERFACE "$<IF:$<STREQUAL:$<TARGET_PROPERTY:TYPE>,MODULE_LIBRARY>,\
${arrow_plugin_run_path},-Wl$<COMMA>-rpath$<COMMA>${LEHR_ARROW}>")
endif()
