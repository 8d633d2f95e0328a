#include "io/json_events.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "core/error.h"
#include "core/printable.h"

namespace ditto {
namespace {

/// Walks the text and reports how far the parser has come: its events carry no position.
class TrackedIterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  TrackedIterator(const char* at, const char** position) : at_(at), position_(position) {}
  reference operator*() const { return *at_; }
  TrackedIterator& operator++() {
    *position_ = ++at_;
    return *this;
  }
  bool operator==(const TrackedIterator& other) const { return at_ == other.at_; }
  bool operator!=(const TrackedIterator& other) const { return at_ != other.at_; }

 private:
  const char* at_;
  const char** position_;
};

/// "[json.exception.parse_error.101] parse error at line 1, column 2: cause" -> "cause".
std::string_view cause_of(std::string_view message) {
  if (const auto bracket = message.find("] "); bracket != message.npos) message.remove_prefix(bracket + 2);
  if (message.starts_with("parse error at ")) {
    if (const auto colon = message.find(": "); colon != message.npos) message.remove_prefix(colon + 2);
  }
  return message;
}

}  // namespace

JsonEvents::JsonEvents(std::string_view text, std::string source, const JsonLimits& limits)
    : text_(text), source_(std::move(source)), limits_(limits), position_(text.data()) {}

void JsonEvents::read() {
  if (text_.size() > limits_.max_bytes) {
    fail(fmt::format("{} bytes of JSON; accepted: up to {}", text_.size(), limits_.max_bytes));
  }
  // The parser takes a NUL for the end of the input and would ignore what follows.
  if (const void* nul = text_.empty() ? nullptr : std::memchr(text_.data(), 0, text_.size())) {
    position_ = static_cast<const char*>(nul);
    fail("not JSON: NUL byte; accepted: JSON text in UTF-8");
  }
  const char* end = text_.data() + text_.size();
  nlohmann::json_sax<nlohmann::json>* events = this;
  nlohmann::json::sax_parse(TrackedIterator(text_.data(), &position_), TrackedIterator(end, &position_), events);
}

void JsonEvents::fail(std::string_view problem) const {
  throw Error(ExitCode::kBadInputFile,
              fmt::format("{}: byte {}: {}", printable(source_, 4096), position_ - text_.data(), problem));
}

void JsonEvents::count_value() {
  if (++values_ > limits_.max_values)
    fail(fmt::format("more than {0} JSON values; accepted: up to {0}", limits_.max_values));
}

void JsonEvents::enter() {
  count_value();
  if (++depth_ > limits_.max_depth) {
    fail(fmt::format("nested too deeply; accepted: up to {} levels", limits_.max_depth));
  }
}

bool JsonEvents::binary(binary_t&) { fail("not JSON: binary value; accepted: JSON text"); }

bool JsonEvents::parse_error(std::size_t, const std::string&, const nlohmann::json::exception& problem) {
  fail(fmt::format("not JSON: {}; accepted: JSON text in UTF-8 with finite numbers",
                   printable(cause_of(problem.what()), 200)));
}

}  // namespace ditto
