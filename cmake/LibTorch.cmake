# LibTorch as plain imported targets. find_package(Torch) adds compiler flags of its own and fails on CUDA
# wheels without a toolkit, so the few libraries Lehr needs are named here.
#   lehr::torch   headers and libraries, with a run path to them; programs that are installed set the property
#                 LEHR_INSTALLED, tests find LibTorch where the build did
include(${CMAKE_CURRENT_LIST_DIR}/LinkedLibrary.cmake)
set(LEHR_LIBTORCH "$ENV{LEHR_LIBTORCH}" CACHE PATH "LibTorch: a directory with include/ and lib/")
if(NOT LEHR_LIBTORCH)
  set(LEHR_LIBTORCH ${PROJECT_SOURCE_DIR}/.deps/torch)
endif()
if(NOT EXISTS ${LEHR_LIBTORCH}/lib/libtorch_cpu.so)
  message(FATAL_ERROR "no LibTorch in ${LEHR_LIBTORCH}. Run tools/setup, or set LEHR_LIBTORCH.")
endif()

find_package(OpenMP REQUIRED COMPONENTS CXX)

add_library(lehr_torch INTERFACE)
add_library(lehr::torch ALIAS lehr_torch)
target_include_directories(lehr_torch SYSTEM INTERFACE
  ${LEHR_LIBTORCH}/include ${LEHR_LIBTORCH}/include/torch/csrc/api/include)
target_compile_definitions(lehr_torch INTERFACE AT_PER_OPERATOR_HEADERS)
# at::parallel_for is a serial template in files compiled without OpenMP. Its runtime is the libgomp that
# LibTorch brings under the ordinary soname, so one OpenMP runtime is mapped.
target_compile_options(lehr_torch INTERFACE ${OpenMP_CXX_FLAGS})
set(torch_libraries ${LEHR_LIBTORCH}/lib/libtorch_cpu.so ${LEHR_LIBTORCH}/lib/libc10.so)
if(EXISTS ${LEHR_LIBTORCH}/lib/libtorch_cuda.so)
  # What LibTorch itself needs of CUDA it finds when it is loaded.
  list(APPEND torch_libraries -Wl,--allow-shlib-undefined -Wl,--no-as-needed ${LEHR_LIBTORCH}/lib/libtorch_cuda.so
    ${LEHR_LIBTORCH}/lib/libc10_cuda.so -Wl,--as-needed)
  target_compile_definitions(lehr_torch INTERFACE LEHR_TORCH_CUDA)
endif()
file(GLOB torch_gomp ${LEHR_LIBTORCH}/lib/libgomp*.so*)
target_link_libraries(lehr_torch INTERFACE ${torch_libraries} ${torch_gomp})
lehr_link_library(torch ${LEHR_LIBTORCH} /lib)
target_link_options(lehr_torch INTERFACE "$<IF:$<STREQUAL:$<TARGET_PROPERTY:TYPE>,MODULE_LIBRARY>,${torch_plugin_run_path},\
$<IF:$<BOOL:$<TARGET_PROPERTY:LEHR_INSTALLED>>,${torch_program_run_path},-Wl$<COMMA>-rpath$<COMMA>${LEHR_LIBTORCH}/lib>>")
