#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/App.hpp>
#include <fmt/format.h>

#include "core/error.h"

namespace ditto {

struct PixelSize {
  int width = 0;
  int height = 0;
};

/// Readers of option values. Each throws Error(kUsage) "<option>: '<text>' is ...; accepted: ...".
std::int64_t parse_integer(std::string_view option, std::string_view text, std::int64_t minimum, std::int64_t maximum);
double parse_number(std::string_view option, std::string_view text, double minimum, double maximum);
/// "832x480"; "832*480" as Wan's own script has it.
PixelSize parse_size(std::string_view option, std::string_view text);
/// "2GiB", "512 MiB", "1.5GB", "4096".
std::int64_t parse_bytes(std::string_view option, std::string_view text);

/// One of the choices.
std::string parse_choice(std::string_view option, const std::string& text, const std::vector<std::string>& choices);
/// "42", "1,2,3" or "random:4" (drawn now).
std::vector<std::uint64_t> parse_seeds(std::string_view option, std::string_view text);

/// Adds an option whose text is handed to `accept`, which may throw Error(kUsage).
CLI::Option* add_text_option(CLI::App& app, const std::string& names, const std::string& help,
                             const std::string& value_name, std::function<void(const std::string&)> accept);

/// Adds an option whose text is a path, which must not be empty; the target is a path or an optional one.
template <typename Path>
CLI::Option* add_path_option(CLI::App& app, const std::string& names, const std::string& help,
                             const std::string& value_name, Path& target) {
  const std::string longest = names.substr(names.find("--"));
  return add_text_option(app, names, help, value_name, [&target, longest](const std::string& text) {
    if (text.empty()) throw Error(ExitCode::kUsage, fmt::format("{}: is empty; accepted: a path", longest));
    target = text;
  });
}

/// Adds an option that takes an integer of that range.
void add_integer_option(CLI::App& app, const std::string& name, const std::string& help, int minimum, int maximum,
                        std::optional<int>& target);

/// Parses the command line. Returns the help or version text instead when it was asked for; throws Error(kUsage) for
/// what CLI11 refuses and, with the nearest known name, for options and words it does not know.
std::optional<std::string> parse_command_line(CLI::App& app, int argc, const char* const* argv);

/// After parse_command_line: throws Error(kUsage) with the names of the verbs when none was given.
void require_verb(const CLI::App& app);

}  // namespace ditto
