# Code compiled for one instruction set shares no symbol with other code: a linker keeps one copy of a shared one, and a
# plain processor would then run the wide copy.
#   cmake -DNM=... -DTARGET=avx2 -DOBJECTS=a.o|b.o -P run.cmake
string(REPLACE "|" ";" objects "${OBJECTS}")
foreach(object IN LISTS objects)
  execute_process(COMMAND ${NM} --demangle --defined-only ${object} OUTPUT_VARIABLE symbols COMMAND_ERROR_IS_FATAL ANY)
  string(REGEX MATCHALL "[^\n]+" lines "${symbols}")
  foreach(line IN LISTS lines)
    if(line MATCHES "^[0-9a-f]+ [A-Zuvw] " AND NOT line MATCHES "ditto::kernels::${TARGET}::")
      message(SEND_ERROR "${object}: outside the namespace of ${TARGET}: ${line}")
    endif()
  endforeach()
endforeach()
if(NOT objects)
  message(FATAL_ERROR "no objects of ${TARGET}")
endif()
