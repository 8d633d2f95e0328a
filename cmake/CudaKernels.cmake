# The sources in kernels/cuda, compiled by nvcc for all architectures; they include no LibTorch header. A build without
# CUDA has a null table instead.
if(NOT DITTO_CUDA)
  target_sources(ditto PRIVATE kernels/cuda/unavailable.cpp)
  return()
endif()

file(GLOB cuda_sources CONFIGURE_DEPENDS kernels/cuda/*.cu)
add_library(ditto_kernels_cuda OBJECT ${cuda_sources})
set_target_properties(ditto_kernels_cuda PROPERTIES POSITION_INDEPENDENT_CODE ON)
target_include_directories(ditto_kernels_cuda PRIVATE ${PROJECT_SOURCE_DIR})
target_compile_definitions(ditto_kernels_cuda PRIVATE DITTO_TARGET=cuda)
# As on the CPU, products and sums are rounded one by one.
target_compile_options(ditto_kernels_cuda PRIVATE -fmad=false)
target_sources(ditto PRIVATE kernels/cuda/available.cpp $<TARGET_OBJECTS:ditto_kernels_cuda>)
# The one C++ source with headers of CUDA: all others compile as they do without it.
set_source_files_properties(kernels/cuda/available.cpp PROPERTIES
  COMPILE_OPTIONS "-isystem${CMAKE_CUDA_TOOLKIT_INCLUDE_DIRECTORIES}")
set_target_properties(ditto PROPERTIES LINKER_LANGUAGE CXX)

get_filename_component(packages ${libtorch_dir}/../.. ABSOLUTE)
find_library(DITTO_CUDART_LIBRARY NAMES libcudart.so.13 HINTS ${packages}/nvidia/cu13/lib ${libtorch_dir} REQUIRED)
target_link_libraries(ditto PRIVATE ${DITTO_CUDART_LIBRARY})
get_filename_component(cudart_dir ${DITTO_CUDART_LIBRARY} DIRECTORY)
set_property(TARGET ditto APPEND PROPERTY INSTALL_RPATH ${cudart_dir})
