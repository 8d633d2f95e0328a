#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>

#include <ATen/core/Tensor.h>

#include <nlohmann/json_fwd.hpp>

#include "apps/common/run_lock.h"
#include "core/profile.h"

namespace ditto {

/// What is finished of a profile that is not: the folder NAME.parts beside it, with a file for each run and each run's
/// edges. Every file appears complete or not at all. The folder is one process's while this lives.
class PartStore {
 public:
  /// `identity` says what is measured. Results of the same are found again; those of another command are an
  /// Error(kUsage) that names the first difference, or are dropped when `start_anew` is set. A folder that another
  /// process uses is an Error(kUsage), too.
  PartStore(const std::filesystem::path& profile, const nlohmann::ordered_json& identity, bool start_anew);

  const std::filesystem::path& folder() const { return folder_; }

  bool has_run(std::size_t run) const;
  Profile read_run(std::size_t run) const;
  void save_run(std::size_t run, const Profile& profile);

  /// Rows [steps so far, max_skip + 1] of a run's edges; undefined when there are none.
  at::Tensor read_edges(std::size_t run) const;
  void save_edges(std::size_t run, const at::Tensor& rows);

  /// Removes the folder and what was put there; to be called once, after everything else.
  void remove();

 private:
  std::filesystem::path run_name(std::size_t run) const;
  std::filesystem::path edges_file(std::size_t run) const;
  void make_folder() const;
  void remove_results();

  std::filesystem::path folder_;
  std::optional<RunLock> lock_;
};

}  // namespace ditto
