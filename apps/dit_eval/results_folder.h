#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "apps/common/interrupt.h"
#include "apps/common/run_lock.h"
#include "eval/record.h"

namespace ditto {

/// The folder of a scenario's results. Its files have common names, so a folder with anything else in it is refused,
/// and one run uses it at a time.
class ResultsFolder {
 public:
  /// Writes nothing. Throws Error(kUsage) when the folder holds other files or results of another scenario than that in
  /// the file `scenario`.
  ResultsFolder(std::filesystem::path path, std::filesystem::path scenario);
  ~ResultsFolder();
  ResultsFolder(const ResultsFolder&) = delete;
  ResultsFolder& operator=(const ResultsFolder&) = delete;

  /// Makes the folder, keeps other runs out of it, copies the scenario into it and drops a record that a kill tore.
  /// Throws Error(kOutputFailed), and Error(kUsage) when another run has it.
  void open(Interrupt& interrupt);

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const char* name) const { return path_ / name; }

  /// The records measured so far.
  std::vector<EvaluationRecord> records() const;
  void append(const EvaluationRecord& record) const;
  /// Drops the records that do not satisfy `wanted`.
  void keep_records(const std::function<bool(const EvaluationRecord&)>& wanted) const;

  /// Writes a file of the folder, at once or not at all.
  void write(const char* name, const std::string& text) const;

 private:
  std::filesystem::path path_, scenario_;
  std::optional<RunLock> lock_;
};

/// The path as messages and descriptions show it.
std::string shown_path(const std::filesystem::path& path);

/// The bytes of a file; none when it cannot be read.
std::string text_of(const std::filesystem::path& path);

}  // namespace ditto
