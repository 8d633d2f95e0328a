# The sources in kernels/cpu are compiled once for each instruction set, in a namespace of its name (kernels/fused/target.h),
# and chosen between at run time. No contraction to fused multiply-adds: all sets give the same bits.
set(cpu_targets portable)
set(cpu_flags_portable)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  list(APPEND cpu_targets avx2 avx512)
  set(cpu_flags_avx2 -mavx2 -mf16c)
  set(cpu_flags_avx512 -mavx512f -mavx512bw -mavx512vl -mavx512dq -mf16c -mprefer-vector-width=512)
endif()

file(GLOB cpu_sources CONFIGURE_DEPENDS kernels/cpu/*.cpp)
set(cpu_target_list "")
foreach(cpu IN LISTS cpu_targets)
  add_library(ditto_kernels_${cpu} OBJECT ${cpu_sources})
  set_target_properties(ditto_kernels_${cpu} PROPERTIES POSITION_INDEPENDENT_CODE ON)
  target_include_directories(ditto_kernels_${cpu} PRIVATE ${PROJECT_SOURCE_DIR})
  target_compile_definitions(ditto_kernels_${cpu} PRIVATE DITTO_TARGET=${cpu})
  # Vectors wider than the machine's registers never cross a call that is not inlined.
  target_compile_options(ditto_kernels_${cpu} PRIVATE ${cpu_flags_${cpu}} -ffp-contract=off -fno-math-errno
    -fno-unswitch-loops -Wno-psabi)
  target_sources(ditto PRIVATE $<TARGET_OBJECTS:ditto_kernels_${cpu}>)
  string(APPEND cpu_target_list "TARGET(${cpu})")
endforeach()
set_source_files_properties(kernels/host/cpu_kernels.cpp PROPERTIES
  COMPILE_DEFINITIONS "DITTO_CPU_TARGETS=${cpu_target_list}")

find_package(OpenMP REQUIRED COMPONENTS CXX)
set_source_files_properties(kernels/host/parallel.cpp PROPERTIES COMPILE_OPTIONS "${OpenMP_CXX_FLAGS}")
target_link_libraries(ditto PRIVATE $<BUILD_INTERFACE:${OpenMP_CXX_LIBRARIES}>)
