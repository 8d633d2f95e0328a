#include "models/wan/prompt_encoder.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace ditto {
namespace {

constexpr std::int64_t kLongestPrompt = 512;  // max_sequence_length of WanPipeline
constexpr std::size_t kRemembered = 8;

}  // namespace

PromptEncoder::PromptEncoder(const std::filesystem::path& folder, c10::ScalarType dtype, c10::Device device,
                             PromptCleaning cleaning)
    : config_(Umt5Config::read(folder / "text_encoder" / "config.json")),
      dtype_(dtype),
      device_(device),
      cleaning_(cleaning),
      tokenizer_(folder / "tokenizer"),
      weights_(folder / "text_encoder") {
  padded_length_ = std::min<std::int64_t>(tokenizer_.model_max_length(), kLongestPrompt);
  weight_bytes_ = static_cast<std::int64_t>(weights_.bytes());
  loaded_ = read_encoder();
  width_ = config_.d_model;
  first_non_finite_ = loaded_->first_non_finite();
}

std::shared_ptr<const Umt5Encoder> PromptEncoder::take_encoder() const {
  {
    const std::lock_guard lock(mutex_);
    if (loaded_) return std::exchange(loaded_, nullptr);
  }
  return read_encoder();
}

std::shared_ptr<const Umt5Encoder> PromptEncoder::read_encoder() const {
  const std::lock_guard lock(reading_mutex_);
  return std::make_shared<const Umt5Encoder>(config_, weights_, dtype_, device_);
}

std::optional<at::Tensor> PromptEncoder::recall(const std::string& prompt) const {
  const std::lock_guard lock(mutex_);
  const auto found = std::ranges::find(newest_, prompt, &std::pair<std::string, at::Tensor>::first);
  if (found == newest_.end()) return {};
  newest_.splice(newest_.begin(), newest_, found);
  return newest_.front().second;
}

void PromptEncoder::remember(const std::string& prompt, const at::Tensor& embedding) const {
  const std::lock_guard lock(mutex_);
  newest_.emplace_front(prompt, embedding);
  if (newest_.size() > kRemembered) newest_.pop_back();
}

at::Tensor PromptEncoder::encode(const std::string& prompt) const {
  const std::string cleaned = clean_prompt(prompt, cleaning_);
  if (const std::optional<at::Tensor> known = recall(cleaned)) return *known;
  const TokenizedText text = tokenizer_.encode(cleaned, static_cast<int>(padded_length_));
  const at::Tensor embedding =
      take_encoder()->prompt_embeds(text.ids.unsqueeze(0).to(device_), text.mask.unsqueeze(0).to(device_)).to(dtype_);
  // The files stay open, their pages need not stay in memory.
  for (const std::string& name : weights_.names()) weights_.release(name);
  remember(cleaned, embedding);
  return embedding;
}

std::optional<std::string> PromptEncoder::warning(const std::string& prompt) const {
  const std::string cleaned = clean_prompt(prompt, cleaning_);
  const std::int64_t tokens = tokenizer_.encode(cleaned, static_cast<int>(padded_length_)).token_count;
  if (tokens <= padded_length_) return std::nullopt;
  return fmt::format("has {} tokens, the model takes {}: its end is left out", tokens, padded_length_);
}

}  // namespace ditto
