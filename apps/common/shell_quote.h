#pragma once

#include <string>

namespace ditto {

/// A command line as a shell would accept it again.
std::string shell_quoted(int argc, const char* const* argv);

}  // namespace ditto
