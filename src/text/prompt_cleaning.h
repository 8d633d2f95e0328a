#pragma once

#include <string>
#include <string_view>

namespace ditto {

/// What happens to a prompt before it is tokenised. The choice changes token ids, so it is recorded with every clip.
enum class PromptCleaning {
  kNone,      ///< nothing
  kBasic,     ///< HTML references replaced twice, whitespace collapsed to single spaces, ends stripped
  kFtfyLite,  ///< kBasic after the mappings of ftfy that concern clean text: ligatures, character width, quotes, NFC
};

/// The value of `--prompt-clean`: "none", "basic" or "ftfy-lite". Throws Error(kUsage) on any other name.
PromptCleaning parse_prompt_cleaning(std::string_view name);

std::string_view to_string(PromptCleaning cleaning);

/// Cleans a prompt as diffusers' WanPipeline does (prompt_clean). Throws Error(kUsage) naming the byte offset when the
/// prompt is not valid UTF-8 or contains NUL, whatever `cleaning` is.
std::string clean_prompt(std::string_view utf8, PromptCleaning cleaning);

}  // namespace ditto
