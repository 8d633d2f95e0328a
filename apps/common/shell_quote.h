#pragma once

#include <string>
#include <vector>

namespace ditto {

/// A command line as a shell would accept it again.
std::string shell_quoted(int argc, const char* const* argv);
std::string shell_quoted(const std::vector<std::string>& words);

}  // namespace ditto
