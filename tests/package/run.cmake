# Installs the build into a temporary prefix, then configures, builds and runs a project that finds it there.
#   cmake -DBUILD_DIR=... -DSOURCE_DIR=... -DWORK_DIR=... -DGENERATOR=... -P run.cmake
function(run)
  execute_process(COMMAND ${ARGV} RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT result EQUAL 0)
    string(JOIN " " command ${ARGV})
    message(FATAL_ERROR "failed (${result}): ${command}\n${output}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

file(REMOVE_RECURSE ${WORK_DIR})
run(${CMAKE_COMMAND} --install ${BUILD_DIR} --prefix ${WORK_DIR}/prefix)
# Only the install tree may be needed: the project's own environment names no other LibTorch.
run(${CMAKE_COMMAND} -E env --unset=LibTorch_ROOT --unset=LIBTORCH
  ${CMAKE_COMMAND} -G ${GENERATOR} -S ${SOURCE_DIR}/consumer -B ${WORK_DIR}/build
  -DCMAKE_BUILD_TYPE=Release -DCMAKE_PREFIX_PATH=${WORK_DIR}/prefix)
run(${CMAKE_COMMAND} --build ${WORK_DIR}/build)
run(${CMAKE_COMMAND} -E chdir ${WORK_DIR} ${WORK_DIR}/build/consumer)
if(NOT output MATCHES "[0-9]+ of [0-9]+ units computed\ncancelled" OR NOT EXISTS ${WORK_DIR}/clip.mp4)
  message(FATAL_ERROR "the consumer printed: ${output}")
endif()
run(${WORK_DIR}/prefix/bin/dit-gen policies)
file(REMOVE_RECURSE ${WORK_DIR})
