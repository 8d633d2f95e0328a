#pragma once

#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace ditto::test {

/// Whether every tag of a page or a chart is closed in turn and every attribute is quoted: enough of a parser for what
/// reports write.
inline testing::AssertionResult is_well_formed(const std::string& markup) {
  static const std::set<std::string> kVoid = {"meta", "img", "br"};
  std::vector<std::string> open;
  for (std::size_t at = markup.find('<'); at != std::string::npos; at = markup.find('<', at)) {
    if (markup.compare(at, 2, "<!") == 0) {
      at = markup.find('>', at);
      continue;
    }
    const bool closes = markup[at + 1] == '/';
    std::size_t end = at + (closes ? 2 : 1);
    const std::size_t name_begin = end;
    while (std::isalnum(static_cast<unsigned char>(markup[end])) != 0) ++end;
    const std::string name = markup.substr(name_begin, end - name_begin);
    if (name.empty()) return testing::AssertionFailure() << "a bare '<' at: " << markup.substr(at, 60);
    bool quoted = false;
    for (; end < markup.size() && (quoted || markup[end] != '>'); ++end) {
      if (markup[end] == '"') quoted = !quoted;
      if (markup[end] == '<') return testing::AssertionFailure() << "'<' inside the tag at: " << markup.substr(at, 60);
    }
    if (end == markup.size()) return testing::AssertionFailure() << "no end of the tag at: " << markup.substr(at, 60);
    if (closes) {
      if (open.empty() || open.back() != name) {
        return testing::AssertionFailure() << "</" << name << "> closes " << (open.empty() ? "nothing" : open.back());
      }
      open.pop_back();
    } else if (markup[end - 1] != '/' && !kVoid.contains(name)) {
      open.push_back(name);
    }
    at = end;
  }
  if (!open.empty()) return testing::AssertionFailure() << "<" << open.back() << "> is never closed";
  return testing::AssertionSuccess();
}

inline std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size())) ++count;
  return count;
}

}  // namespace ditto::test
