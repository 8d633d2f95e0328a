#pragma once

#include <atomic>

namespace ditto::test {

/// A kernel of the table kTable() that does its work as ever and adds its calls to kCounter.
template <auto kMember, auto kTable, std::atomic<int>& kCounter>
struct CountedKernel;
template <typename Table, typename Result, typename... Arguments, Result (*Table::*kMember)(Arguments...), auto kTable,
          std::atomic<int>& kCounter>
struct CountedKernel<kMember, kTable, kCounter> {
  static Result call(Arguments... arguments) {
    ++kCounter;
    return (kTable().*kMember)(arguments...);
  }
};

}  // namespace ditto::test
