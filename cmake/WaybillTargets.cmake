# The two kinds of target in this project and the flags that every one of them gets.
include_guard(GLOBAL)

add_library(waybill_flags INTERFACE)
target_compile_features(waybill_flags INTERFACE cxx_std_20)
target_compile_options(waybill_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor -Woverloaded-virtual
  -Wformat=2 -Werror -fno-strict-overflow
  # Designated initializers leave out what has its default: that is what they are for.
  -Wno-missing-field-initializers)
target_compile_definitions(waybill_flags INTERFACE
  WAYBILL_VERSION="${PROJECT_VERSION}")
if(NOT WAYBILL_SANITIZE)
  target_compile_definitions(waybill_flags INTERFACE $<$<NOT:$<CONFIG:Debug>>:_FORTIFY_SOURCE=2>)
endif()
target_include_directories(waybill_flags INTERFACE ${PROJECT_SOURCE_DIR})
if(WAYBILL_UNITY)
  # What one file of several calls its own is not the others' business.
  target_compile_options(waybill_flags INTERFACE -Wno-shadow $<$<CXX_COMPILER_ID:GNU>:-Wno-subobject-linkage>)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  target_compile_options(waybill_flags INTERFACE -Wthread-safety)
endif()
if(WAYBILL_SANITIZE)
  target_compile_options(waybill_flags INTERFACE -fsanitize=${WAYBILL_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(waybill_flags INTERFACE -fsanitize=${WAYBILL_SANITIZE})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # GCC's own diagnostics misfire on instrumented code; the uninstrumented build keeps them.
    target_compile_options(waybill_flags INTERFACE -Wno-maybe-uninitialized -Wno-tsan -Wno-array-bounds -Wno-stringop-overflow)
  endif()
endif()

function(waybill_has_test_points file variable)
  file(STRINGS ${file} points REGEX "WAYBILL_(REACHED|PLANTED|SIZE)\\(" LIMIT_COUNT 1)
  set(${variable} ${points} PARENT_SCOPE)
endfunction()

# Where nothing is cached most of a build is reading the same headers for each file: eight files are compiled
# as one then. A file has to name what it includes all the same: other builds compile it alone.
# Files with test points (base/test_points.h) are compiled together and apart from the others: a program that brings
# its own build of them takes none of a room's objects in which they are.
function(waybill_compile_together name)
  set(at_once 8)
  set(count 0)
  set(count_points 0)
  foreach(source ${ARGN})
    get_filename_component(file ${source} ABSOLUTE)
    waybill_has_test_points(${file} points)
    set(kind "")
    if(points)
      set(kind "_points")
    endif()
    math(EXPR group "${count${kind}} / ${at_once}")
    math(EXPR count${kind} "${count${kind}} + 1")
    set_source_files_properties(${file} PROPERTIES UNITY_GROUP "${name}${kind}_${group}")
  endforeach()
  set_target_properties(${name} PROPERTIES UNITY_BUILD ${WAYBILL_UNITY} UNITY_BUILD_MODE GROUP)
endfunction()

# waybill_with_test_points(variable): the files of the rooms that have test points.
function(waybill_with_test_points variable)
  set(found)
  file(GLOB files ${PROJECT_SOURCE_DIR}/agent/*.cc ${PROJECT_SOURCE_DIR}/catalog/*.cc ${PROJECT_SOURCE_DIR}/uploader/*.cc
       ${PROJECT_SOURCE_DIR}/watcher/*.cc)
  foreach(file IN LISTS files)
    waybill_has_test_points(${file} points)
    if(points)
      list(APPEND found ${file})
    endif()
  endforeach()
  set(${variable} ${found} PARENT_SCOPE)
endfunction()

# waybill_library(name SOURCES … LINK …): one room of the house.
function(waybill_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK;PRIVATE_LINK" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_link_libraries(${name} PUBLIC waybill_flags ${ARG_LINK} PRIVATE ${ARG_PRIVATE_LINK})
  waybill_compile_together(${name} ${ARG_SOURCES})
endfunction()

# waybill_program(name SOURCES … LINK …): an executable.
function(waybill_program name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE waybill_flags ${ARG_LINK})
  waybill_compile_together(${name} ${ARG_SOURCES})
endfunction()

# waybill_tests(name SOURCES … LINK … [LABEL unit]): a GoogleTest program, each of its tests known to ctest.
# THREADS: several threads meet in it, so that ThreadSanitizer has something to judge (target
# waybill_thread_tests, label threads).
# Every *_test.cc of the calling folder must be named: one that nobody builds is a test that cannot fail.
function(waybill_tests name)
  cmake_parse_arguments(ARG "THREADS" "LABEL;TIMEOUT" "SOURCES;LINK;PROPERTIES" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE waybill_flags ${ARG_LINK} GTest::gmock GTest::gtest_main)
  waybill_compile_together(${name} ${ARG_SOURCES})
  # What is tested is optimized; to optimize the tests themselves would double the time of a build.
  target_compile_options(${name} PRIVATE $<$<CONFIG:RelWithDebInfo>:-O0;-U_FORTIFY_SOURCE>)
  if(NOT ARG_LABEL)
    set(ARG_LABEL unit)
  endif()
  if(ARG_THREADS)
    string(APPEND ARG_LABEL "-threads")
    if(NOT TARGET waybill_thread_tests)
      add_custom_target(waybill_thread_tests)
    endif()
    add_dependencies(waybill_thread_tests ${name})
  endif()
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  include(GoogleTest)
  gtest_discover_tests(${name} TEST_PREFIX "${name}/" DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60
    PROPERTIES LABELS ${ARG_LABEL} TIMEOUT ${ARG_TIMEOUT} ${ARG_PROPERTIES})
  foreach(source ${ARG_SOURCES})
    get_filename_component(absolute ${source} ABSOLUTE)
    set_property(GLOBAL APPEND PROPERTY WAYBILL_TEST_SOURCES ${absolute})
  endforeach()
endfunction()

# waybill_check_all_tests_registered(): call last in tests/CMakeLists.txt.
function(waybill_check_all_tests_registered)
  get_property(known GLOBAL PROPERTY WAYBILL_TEST_SOURCES)
  file(GLOB_RECURSE found CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/*_test.cc)
  foreach(test ${found})
    if(NOT test IN_LIST known)
      message(FATAL_ERROR "${test} is not registered: name it in a waybill_tests() call")
    endif()
  endforeach()
endfunction()
