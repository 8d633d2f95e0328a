#include "caches/branch_choice.h"

namespace ditto {

OptionSpec branch_option() {
  return {.name = "branch",
          .type = OptionType::kText,
          .default_value = "each",
          .help = "who decides: each branch for itself, or the conditional one for both",
          .choices = {"each", "conditional"}};
}

}  // namespace ditto
