#pragma once

#include <filesystem>

namespace ditto {

/// Holds a file locked for one run; other processes meet an Error(kUsage), which names `what` they cannot use. The
/// lock ends with the process, however that ends.
class RunLock {
 public:
  /// Makes the file when it is missing. Throws Error(kOutputFailed) when it cannot be made or locked.
  RunLock(const std::filesystem::path& file, const std::filesystem::path& what);
  ~RunLock();
  RunLock(const RunLock&) = delete;
  RunLock& operator=(const RunLock&) = delete;

 private:
  int descriptor_ = -1;
};

}  // namespace ditto
