#include "io/json_file.h"

#include <utility>

#include "core/printable.h"
#include "io/input_file.h"
#include "io/json_events.h"

namespace ditto {
namespace {

using nlohmann::json;

/// Builds the document; `open_` holds the containers from the root to the current one.
class DocumentBuilder : public JsonEvents {
 public:
  using JsonEvents::JsonEvents;
  json take() { return std::move(root_); }

 private:
  bool null() override { return scalar(json(nullptr)); }
  bool boolean(bool value) override { return scalar(json(value)); }
  bool number_integer(number_integer_t value) override { return scalar(json(value)); }
  bool number_unsigned(number_unsigned_t value) override { return scalar(json(value)); }
  bool number_float(number_float_t value, const string_t&) override { return scalar(json(value)); }
  bool string(string_t& value) override { return scalar(json(std::move(value))); }

  bool start_object(std::size_t) override { return open(json::value_t::object); }
  bool end_object() override { return close(); }
  bool start_array(std::size_t) override { return open(json::value_t::array); }
  bool end_array() override { return close(); }

  bool key(string_t& name) override {
    auto [place, fresh] = open_.back()->get_ref<json::object_t&>().try_emplace(std::move(name));
    if (!fresh) fail("key '" + printable(place->first) + "' occurs twice; accepted: once");
    member_ = &place->second;
    return true;
  }

  json* add(json value) {
    if (open_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    if (open_.back()->is_array()) {
      auto& array = open_.back()->get_ref<json::array_t&>();
      array.push_back(std::move(value));
      return &array.back();
    }
    *member_ = std::move(value);
    return member_;
  }

  bool scalar(json value) {
    count_value();
    add(std::move(value));
    return true;
  }

  bool open(json::value_t type) {
    enter();
    open_.push_back(add(json(type)));
    return true;
  }

  bool close() {
    leave();
    open_.pop_back();
    return true;
  }

  json root_;
  std::vector<json*> open_;
  json* member_ = nullptr;
};

}  // namespace

json parse_json(std::string_view text, const std::string& source, const JsonLimits& limits) {
  DocumentBuilder builder(text, source, limits);
  builder.read();
  return builder.take();
}

json read_json_file(const std::filesystem::path& path, const JsonLimits& limits) {
  return parse_json(read_text_file(path, limits.max_bytes), path.native(), limits);
}

}  // namespace ditto
