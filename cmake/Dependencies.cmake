# Every library the project links: Ditto::dependencies (private to the library) and Ditto::cli (programs only).
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(LibTorch 2.11 REQUIRED)
find_package(nlohmann_json 3.11 REQUIRED)
pkg_check_modules(ffmpeg REQUIRED IMPORTED_TARGET libavformat libavcodec libavutil libswscale)
pkg_check_modules(sentencepiece REQUIRED IMPORTED_TARGET sentencepiece)
pkg_check_modules(libutf8proc REQUIRED IMPORTED_TARGET libutf8proc)

# Debian's component packages of OpenCV ship neither a CMake config nor a .pc file.
find_path(OpenCV_INCLUDE_DIR opencv2/core.hpp PATH_SUFFIXES opencv4 REQUIRED)
foreach(component core imgproc imgcodecs)
  find_library(OpenCV_${component}_LIBRARY opencv_${component} REQUIRED)
  list(APPEND opencv_libraries ${OpenCV_${component}_LIBRARY})
endforeach()
find_library(OpenCV_video_LIBRARY opencv_video REQUIRED)

# The LibTorch wheel ships its own fmt headers, newer than the system's library: an overlay folder that holds only the
# system's fmt, searched first, keeps header and library of one version.
find_path(fmt_INCLUDE_DIR fmt/format.h PATHS /usr/include NO_DEFAULT_PATH REQUIRED)
find_library(fmt_LIBRARY fmt REQUIRED)
set(fmt_overlay ${PROJECT_BINARY_DIR}/overlay)
file(MAKE_DIRECTORY ${fmt_overlay})
file(CREATE_LINK ${fmt_INCLUDE_DIR}/fmt ${fmt_overlay}/fmt SYMBOLIC)

add_library(ditto_dependencies INTERFACE)
add_library(Ditto::dependencies ALIAS ditto_dependencies)
target_include_directories(ditto_dependencies BEFORE INTERFACE ${fmt_overlay})
target_include_directories(ditto_dependencies SYSTEM INTERFACE ${OpenCV_INCLUDE_DIR})
target_link_libraries(ditto_dependencies INTERFACE nlohmann_json::nlohmann_json PkgConfig::ffmpeg
  PkgConfig::sentencepiece PkgConfig::libutf8proc ${opencv_libraries} ${fmt_LIBRARY} Threads::Threads)

find_package(CLI11 QUIET)
add_library(ditto_cli INTERFACE)
add_library(Ditto::cli ALIAS ditto_cli)
if(NOT CLI11_FOUND)
  find_path(CLI11_INCLUDE_DIR CLI/CLI.hpp REQUIRED)
else()
  target_link_libraries(ditto_cli INTERFACE CLI11::CLI11)
endif()
