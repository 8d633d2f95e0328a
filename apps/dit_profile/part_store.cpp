#include "apps/dit_profile/part_store.h"

#include <algorithm>
#include <optional>
#include <string>
#include <system_error>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/printable.h"
#include "io/atomic_file.h"
#include "io/json_file.h"
#include "io/safetensors.h"

namespace ditto {
namespace {

namespace fs = std::filesystem;

constexpr const char* kIdentityFile = "command.json";
constexpr const char* kLockFile = "lock";
constexpr const char* kEdgesArray = "edge_error";

fs::path folder_beside(const fs::path& profile) {
  fs::path folder = Profile::files(profile).front();
  folder.replace_extension();
  folder += ".parts";
  return folder;
}

/// The first key that differs, with both values; nothing when the two are equal.
std::optional<std::string> first_difference(const nlohmann::json& stored, const nlohmann::json& wanted) {
  for (const auto& [key, value] : wanted.items()) {
    const nlohmann::json there = stored.is_object() && stored.contains(key) ? stored[key] : nlohmann::json();
    if (there == value) continue;
    if (value.is_object()) return first_difference(there, value);
    const auto text = [](const nlohmann::json& json) { return printable(json.dump(), 80); };
    return fmt::format("'{}' is {} there and {} here", key, text(there), text(value));
  }
  return {};
}

}  // namespace

PartStore::PartStore(const fs::path& profile, const nlohmann::ordered_json& identity, bool start_anew)
    : folder_(folder_beside(profile)) {
  make_folder();
  lock_.emplace(folder_ / kLockFile, folder_);
  const fs::path file = folder_ / kIdentityFile;
  if (fs::exists(file)) {
    const auto difference = first_difference(read_json_file(file), nlohmann::json::parse(identity.dump()));
    if (!difference) return;
    if (!start_anew) {
      throw Error(ExitCode::kUsage, fmt::format("{}: holds unfinished work of another command: {}; accepted: the same "
                                                "command, or -y to start anew",
                                                printable(folder_.string()), *difference));
    }
  }
  remove_results();
  write_text_file(file, identity.dump(2) + "\n");
}

void PartStore::make_folder() const {
  std::error_code problem;
  fs::create_directory(folder_, problem);
  if (problem) {
    throw Error(ExitCode::kOutputFailed, fmt::format("{}: cannot be made: {}; accepted: a folder that can be written",
                                                     printable(folder_.string()), problem.message()));
  }
  const bool own = fs::exists(folder_ / kLockFile) || fs::exists(folder_ / kIdentityFile) || fs::is_empty(folder_);
  if (own) return;
  throw Error(ExitCode::kUsage,
              fmt::format("{}: is not empty and not by dit-profile; accepted: another --output or an empty folder",
                          printable(folder_.string())));
}

fs::path PartStore::run_name(std::size_t run) const { return folder_ / fmt::format("run-{:05}", run + 1); }

fs::path PartStore::edges_file(std::size_t run) const {
  return folder_ / fmt::format("edges-{:05}.safetensors", run + 1);
}

bool PartStore::has_run(std::size_t run) const { return fs::exists(Profile::files(run_name(run)).front()); }

Profile PartStore::read_run(std::size_t run) const { return Profile::read(run_name(run)); }

void PartStore::save_run(std::size_t run, const Profile& profile) { profile.write(run_name(run)); }

at::Tensor PartStore::read_edges(std::size_t run) const {
  const fs::path file = edges_file(run);
  return fs::exists(file) ? SafetensorsFile(file).tensor(kEdgesArray) : at::Tensor();
}

void PartStore::save_edges(std::size_t run, const at::Tensor& rows) {
  save_safetensors(edges_file(run), {{kEdgesArray, rows}});
}

void PartStore::remove_results() {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder_, ignored)) {
    const std::string name = entry.path().filename().string();
    const bool own = name == kIdentityFile || name.starts_with("run-") || name.starts_with("edges-");
    if (own) fs::remove(entry.path(), ignored);
  }
}

void PartStore::remove() {
  remove_results();
  std::error_code ignored;
  fs::remove(folder_ / kLockFile, ignored);
  fs::remove(folder_, ignored);
}

}  // namespace ditto
