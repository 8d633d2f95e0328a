# The install tree: library, programs, public headers, the CMake package, the shipped model.
include(CMakePackageConfigHelpers)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/Ditto)

install(TARGETS ditto EXPORT DittoTargets)
# Headers that need libraries which users of the package need not have stay inside.
install(DIRECTORY src/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/ditto FILES_MATCHING PATTERN "*.h"
  PATTERN "json_*.h" EXCLUDE PATTERN "read_branches.h" EXCLUDE PATTERN "ffmpeg_support.h" EXCLUDE)
foreach(header caches/registry.h models/registry.h kernels/kernel_mode.h kernels/solver_update.h)
  get_filename_component(folder ${header} DIRECTORY)
  install(FILES ${header} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/ditto/${folder})
endforeach()
# Installed headers name one another from the folder ditto, so that a project's own core/trace.h is not taken for Ditto's.
install(CODE "
  file(GLOB_RECURSE headers \$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_INCLUDEDIR}/ditto/*.h)
  foreach(header IN LISTS headers)
    file(READ \${header} content)
    string(REGEX REPLACE \"#include \\\"((core|io|text|solvers|runtime|caches|models|kernels)/)\" \"#include \\\"ditto/\\\\1\" content \"\${content}\")
    file(WRITE \${header} \"\${content}\")
  endforeach()")
install(DIRECTORY models/wan-mini DESTINATION ${CMAKE_INSTALL_DATADIR}/ditto/models)
install(DIRECTORY models/lpips/ DESTINATION ${CMAKE_INSTALL_DATADIR}/ditto/lpips OPTIONAL)
install(DIRECTORY caches/presets/ DESTINATION ${CMAKE_INSTALL_DATADIR}/ditto/presets)

configure_package_config_file(cmake/DittoConfig.cmake.in ${PROJECT_BINARY_DIR}/DittoConfig.cmake
  INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/DittoConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/DittoConfig.cmake ${PROJECT_BINARY_DIR}/DittoConfigVersion.cmake
  cmake/FindLibTorch.cmake DESTINATION ${package_dir})
install(EXPORT DittoTargets NAMESPACE Ditto:: DESTINATION ${package_dir})
