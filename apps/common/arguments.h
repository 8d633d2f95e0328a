#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <CLI/App.hpp>

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

/// Adds an option whose text is handed to `accept`, which may throw Error(kUsage).
CLI::Option* add_text_option(CLI::App& app, const std::string& names, const std::string& help,
                             const std::string& value_name, std::function<void(const std::string&)> accept);

/// Parses the command line. Returns the help or version text instead when it was asked for; throws Error(kUsage) for
/// what CLI11 refuses and, with the nearest known name, for options and words it does not know.
std::optional<std::string> parse_command_line(CLI::App& app, int argc, const char* const* argv);

}  // namespace ditto
