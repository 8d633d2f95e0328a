#include "apps/common/machine.h"

#include <algorithm>
#include <fstream>
#include <sstream>

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <ATen/cpu/Utils.h>
#include <torch/headeronly/version.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "ditto_commit.h"

namespace ditto {
namespace {

/// The line of LibTorch's own report that begins with `word`.
std::string torch_report(const std::string& word) {
  std::istringstream report(at::show_config());
  for (std::string line; std::getline(report, line);) {
    const std::size_t at = line.find(word);
    if (at != std::string::npos) return line.substr(at);
  }
  return "not found";
}

}  // namespace

std::string cpu_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("model name")) return line.substr(std::min(line.find(": ") + 2, line.size()));
  }
  return "unknown";
}

std::string ditto_commit() { return DITTO_COMMIT; }

nlohmann::ordered_json describe_machine() {
  return {{"processor", cpu_name()},
          {"vector_instructions", at::get_cpu_capability()},
          {"threads", at::get_num_threads()},
          {"blas", torch_report("Math Kernel Library")},
          {"onednn", at::hasMKLDNN() ? torch_report("MKL-DNN") : "not in this LibTorch"},
          {"libtorch", TORCH_VERSION},
          {"ditto", DITTO_VERSION},
          {"commit", ditto_commit()}};
}

void announce_machine(Console& console) {
  const nlohmann::ordered_json machine = describe_machine();
  nlohmann::ordered_json event = {{"event", "machine"}};
  event.update(machine);
  console.event(event);
  std::string text;
  for (const auto& [key, value] : machine.items()) {
    const std::string word = value.is_string() ? value.get<std::string>() : value.dump();
    text += fmt::format("{}{}: {}", text.empty() ? "" : "; ", key, word);
  }
  console.note(text);
}

}  // namespace ditto
