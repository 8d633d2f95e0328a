# Writes ditto_commit.h with the commit that is being built, and only when it changed.
#   cmake -DSOURCE_DIR=... -DOUTPUT=... -P Commit.cmake
execute_process(COMMAND git -C ${SOURCE_DIR} describe --always --dirty --abbrev=12 --exclude=*
  OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE result)
if(NOT result EQUAL 0)
  set(commit "unknown")
endif()
file(CONFIGURE OUTPUT ${OUTPUT} CONTENT "#define DITTO_COMMIT \"@commit@\"\n" @ONLY)
