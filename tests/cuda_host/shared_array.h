#pragma once

#include <cstdint>
#include <string>

#include "cuda_host/fibres.h"

namespace ditto::test {

/// Memory that the threads of a block share. Two threads that use one element, at least one of them to write, with no
/// barrier in between are a fault, whatever the order they happened to run in; so is reading what the block never
/// wrote.
template <typename T, int kCount>
class SharedArray {
 public:
  void write(unsigned index, T value) {
    Element& element = at(index);
    if (is_recent(element.written) && element.writer != position().thread) report(index, "written by two threads");
    if (is_recent(element.read) && (element.readers_many || element.reader != position().thread)) {
      report(index, "written after another thread read it");
    }
    element.value = value;
    element.writer = position().thread;
    element.written = now();
  }

  T read(unsigned index) {
    Element& element = at(index);
    if (element.written.block != block_serial()) report(index, "read before it was written");
    if (is_recent(element.written) && element.writer != position().thread) {
      report(index, "read after another thread wrote it");
    }
    element.readers_many = is_recent(element.read) && (element.readers_many || element.reader != position().thread);
    element.reader = position().thread;
    element.read = now();
    return element.value;
  }

 private:
  struct Moment {
    std::uint64_t block = 0, barriers = 0;
  };
  struct Element {
    T value{};
    Moment written, read;
    unsigned writer = 0, reader = 0;
    bool readers_many = false;
  };

  static Moment now() { return {block_serial(), barriers_passed()}; }
  static bool is_recent(const Moment& moment) {
    return moment.block == block_serial() && moment.barriers == barriers_passed();
  }
  Element& at(unsigned index) {
    if (index >= kCount) report(index, "outside the array");
    return elements_[index];
  }
  [[noreturn]] static void report(unsigned index, const char* what) {
    fault("shared memory, element " + std::to_string(index) + ": " + what + ", no barrier in between");
  }

  Element elements_[kCount];
};

}  // namespace ditto::test
