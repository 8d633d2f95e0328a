#include "apps/common/arguments.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <random>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "core/error.h"
#include "core/nearest_name.h"
#include "core/printable.h"

namespace ditto {
namespace {

constexpr int kMaxSeeds = 100'000;

[[noreturn]] void refuse(std::string_view option, std::string_view text, const std::string& what,
                         const std::string& accepted) {
  throw Error(ExitCode::kUsage, fmt::format("{}: '{}' {}; accepted: {}", option, printable(text), what, accepted));
}

template <typename T>
std::optional<T> parse_whole(std::string_view text) {
  T value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return {};
  return value;
}

/// Every name a user could have meant, with its dashes, of this command.
std::vector<std::string> option_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

std::vector<std::string> verb_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* verb : app.get_subcommands({})) names.push_back(verb->get_name());
  return names;
}

[[noreturn]] void refuse_word(const CLI::App& app, const std::string& word) {
  const bool is_option = word.size() > 1 && word.front() == '-';
  const std::string name = word.substr(0, word.find('='));
  const std::string nearest = nearest_name(name, is_option ? option_names(app) : verb_names(app));
  const std::string advice =
      nearest.empty() ? "accepted: what --help lists" : fmt::format("did you mean '{}'?", nearest);
  throw Error(ExitCode::kUsage,
              fmt::format("{}: is no {}; {}", printable(name), is_option ? "option" : "option or verb", advice));
}

/// CLI11's complaints about an option without its value, one given twice, or one left out, in our words. The name is
/// all they tell.
std::string explain(const CLI::App& app, const CLI::ParseError& error) {
  const std::string text = error.what();
  const auto begins_before = [&](std::string_view mark) { return text.substr(0, text.find(mark)); };
  const auto* command = app.get_subcommands().empty() ? &app : app.get_subcommands().front();
  if (error.get_name() == "RequiredError") {
    const std::string name = begins_before(" is required");
    const CLI::Option* option = command->get_option_no_throw(name);
    return fmt::format("{}: is missing; accepted: {}", name, option ? option->get_description() : "a value");
  }
  if (error.get_name() == "ArgumentMismatch") {
    const std::string name = begins_before(":");
    const CLI::Option* option = command->get_option_no_throw(name);
    if (option && option->get_items_expected_min() > 1) {
      return fmt::format("{}: {} given; accepted: at least {}", name, option->count(),
                         option->get_items_expected_min());
    }
    if (option && option->count() > 1) return name + ": is given more than once; accepted: once";
    if (option) return fmt::format("{}: has no value; accepted: {}", name, option->get_type_name());
  }
  return fmt::format("arguments: {}; accepted: what --help lists", text);
}

/// CLI11 leaves two between groups.
std::string without_double_blank_lines(std::string text) {
  for (std::size_t at = text.find("\n\n\n"); at != text.npos; at = text.find("\n\n\n", at)) text.erase(at, 1);
  return text;
}

/// As CLI11 takes them. It would read the next word as the value of "--name=", which has an empty one.
std::vector<std::string> words_last_first(int argc, const char* const* argv) {
  std::vector<std::string> words;
  bool are_options = true;
  for (int k = 1; k < argc; ++k) {
    std::string word = argv[k];
    are_options = are_options && word != "--";
    const bool is_empty = are_options && word.starts_with("--") && word.find('=') == word.size() - 1;
    if (is_empty) word.pop_back();
    words.push_back(std::move(word));
    if (is_empty) words.emplace_back();
  }
  std::ranges::reverse(words);
  return words;
}

void refuse_extras(const CLI::App& app) {
  for (const CLI::App* verb : app.get_subcommands()) refuse_extras(*verb);
  const std::vector<std::string> extras = app.remaining();
  if (extras.empty()) return;
  // A mistyped option leaves its value behind as a word; the option is what to talk about.
  const auto option =
      std::ranges::find_if(extras, [](const std::string& word) { return word.size() > 1 && word.front() == '-'; });
  refuse_word(app, option == extras.end() ? extras.front() : *option);
}

std::uint64_t parse_seed(std::string_view option, std::string_view text) {
  std::uint64_t seed = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seed);
  if (error != std::errc() || end != text.data() + text.size()) {
    throw Error(ExitCode::kUsage, fmt::format("{}: '{}' is no seed; accepted: 0 to {}, a list as in 1,2,3, or random:4",
                                              option, printable(text), std::numeric_limits<std::uint64_t>::max()));
  }
  return seed;
}

}  // namespace

std::int64_t parse_integer(std::string_view option, std::string_view text, std::int64_t minimum, std::int64_t maximum) {
  const std::string accepted = fmt::format("an integer from {} to {}", minimum, maximum);
  const auto value = parse_whole<std::int64_t>(text);
  if (!value) refuse(option, text, "is no integer of that size", accepted);
  if (*value < minimum || *value > maximum) refuse(option, text, "is out of range", accepted);
  return *value;
}

double parse_number(std::string_view option, std::string_view text, double minimum, double maximum) {
  const std::string accepted = fmt::format("a number from {} to {}", minimum, maximum);
  const auto value = parse_whole<double>(text);
  if (!value || std::isnan(*value)) refuse(option, text, "is no number", accepted);
  if (*value < minimum || *value > maximum) refuse(option, text, "is out of range", accepted);
  return *value;
}

PixelSize parse_size(std::string_view option, std::string_view text) {
  const std::size_t cross = text.find_first_of("xX*");
  if (cross == std::string_view::npos) refuse(option, text, "is no size", "WIDTHxHEIGHT in pixels, as in 832x480");
  const auto width = parse_whole<int>(text.substr(0, cross));
  const auto height = parse_whole<int>(text.substr(cross + 1));
  if (!width || !height || *width < 1 || *height < 1) {
    refuse(option, text, "is no size", "WIDTHxHEIGHT in pixels, as in 832x480");
  }
  return {*width, *height};
}

std::int64_t parse_bytes(std::string_view option, std::string_view text) {
  static const std::vector<std::pair<std::string, double>> kUnits = {
      {"", 1},     {"B", 1},    {"KiB", 0x1p10}, {"MiB", 0x1p20}, {"GiB", 0x1p30}, {"TiB", 0x1p40}, {"KB", 1e3},
      {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12},    {"K", 0x1p10},   {"M", 0x1p20},   {"G", 0x1p30},   {"T", 0x1p40}};
  const std::string accepted = "a number of bytes, as in 2GiB, 512MiB or 4096";
  const std::size_t end_of_number = std::min(text.find_first_not_of("0123456789."), text.size());
  std::string_view unit = text.substr(end_of_number);
  while (unit.starts_with(' ')) unit.remove_prefix(1);
  const auto number = parse_whole<double>(text.substr(0, end_of_number));
  const auto known = std::ranges::find(kUnits, unit, &std::pair<std::string, double>::first);
  if (!number || known == kUnits.end()) refuse(option, text, "is no size in bytes", accepted);
  const double bytes = *number * known->second;
  if (bytes >= static_cast<double>(std::numeric_limits<std::int64_t>::max())) {
    refuse(option, text, "is out of range", accepted);
  }
  return static_cast<std::int64_t>(bytes);
}

std::string parse_choice(std::string_view option, const std::string& text, const std::vector<std::string>& choices) {
  if (std::ranges::find(choices, text) == choices.end()) {
    throw Error(ExitCode::kUsage, fmt::format("{}: '{}' is not possible; accepted: {}", option, printable(text),
                                              fmt::join(choices, ", ")));
  }
  return text;
}

std::vector<std::uint64_t> parse_seeds(std::string_view option, std::string_view text) {
  std::vector<std::uint64_t> seeds;
  if (text.starts_with("random:")) {
    const std::int64_t count = parse_integer(option, text.substr(7), 1, kMaxSeeds);
    std::random_device device;
    for (std::int64_t k = 0; k < count; ++k) seeds.push_back(device());
    return seeds;
  }
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t comma = std::min(text.find(',', begin), text.size());
    seeds.push_back(parse_seed(option, text.substr(begin, comma - begin)));
    if (std::ranges::count(seeds, seeds.back()) > 1) {
      refuse(option, fmt::format("{}", seeds.back()), "is given twice", "each seed once");
    }
    begin = comma + 1;
  }
  return seeds;
}

CLI::Option* add_text_option(CLI::App& app, const std::string& names, const std::string& help,
                             const std::string& value_name, std::function<void(const std::string&)> accept) {
  return app.add_option_function<std::string>(names, std::move(accept), help)->type_name(value_name);
}

void add_integer_option(CLI::App& app, const std::string& name, const std::string& help, int minimum, int maximum,
                        std::optional<int>& target) {
  add_text_option(app, name, help, "N", [&target, name, minimum, maximum](const std::string& text) {
    target = static_cast<int>(parse_integer(name, text, minimum, maximum));
  });
}

std::optional<std::string> parse_command_line(CLI::App& app, int argc, const char* const* argv) {
  app.allow_extras();
  for (CLI::App* verb : app.get_subcommands({})) verb->allow_extras();
  try {
    app.parse(words_last_first(argc, argv));
  } catch (const CLI::CallForHelp&) {
    return without_double_blank_lines(app.help());
  } catch (const CLI::CallForVersion& version) {
    return version.what();
  } catch (const CLI::ParseError& error) {
    throw Error(ExitCode::kUsage, printable(explain(app, error), 500));
  }
  refuse_extras(app);
  return {};
}

void require_verb(const CLI::App& app) {
  if (!app.get_subcommands().empty()) return;
  throw Error(ExitCode::kUsage, fmt::format("verb: is missing; accepted: {}", fmt::join(verb_names(app), ", ")));
}

}  // namespace ditto
