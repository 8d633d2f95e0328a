#pragma once

#include <cstdint>
#include <filesystem>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

#include "models/wan/text_encoder.h"
#include "text/prompt_cleaning.h"
#include "text/tokenizer.h"

namespace ditto {

/// Prompts to embeddings, as WanPipeline makes them: cleaned, tokenised, encoded, zero beyond the prompt's own tokens.
/// The text encoder can be larger than the transformer and is needed for moments only: it is held until the first
/// prompt is encoded and read again for a new one, from the files that were opened at the start: one that was replaced
/// since does not count, one that was written to is an error. The newest embeddings are remembered. Safe to share by
/// threads.
class PromptEncoder {
 public:
  /// Reads `tokenizer/` and `text_encoder/` of a model folder; the text encoder computes in `dtype`, which is also that
  /// of the embeddings.
  PromptEncoder(const std::filesystem::path& folder, c10::ScalarType dtype, c10::Device device,
                PromptCleaning cleaning);

  /// The embedding [1, padded_length(), width]; Error(kUsage) on text that is not UTF-8.
  at::Tensor encode(const std::string& prompt) const;

  /// That the end of a prompt is cut off, or nothing.
  std::optional<std::string> warning(const std::string& prompt) const;

  /// Tokens of every embedding. Padding is attended to, so this is part of the function: the tokenizer's own length,
  /// at most 512.
  std::int64_t padded_length() const { return padded_length_; }
  std::int64_t width() const { return width_; }
  std::int64_t weight_bytes() const { return weight_bytes_; }
  const std::optional<std::string>& first_non_finite() const { return first_non_finite_; }

 private:
  std::optional<at::Tensor> recall(const std::string& prompt) const;
  void remember(const std::string& prompt, const at::Tensor& embedding) const;
  std::shared_ptr<const Umt5Encoder> take_encoder() const;
  std::shared_ptr<const Umt5Encoder> read_encoder() const;

  Umt5Config config_;
  c10::ScalarType dtype_;
  c10::Device device_;
  PromptCleaning cleaning_;
  Tokenizer tokenizer_;
  mutable WeightSet weights_;
  std::int64_t padded_length_ = 0, width_ = 0, weight_bytes_ = 0;
  std::optional<std::string> first_non_finite_;

  mutable std::mutex mutex_;          // of what follows
  mutable std::mutex reading_mutex_;  // of weights_
  mutable std::shared_ptr<const Umt5Encoder> loaded_;
  mutable std::list<std::pair<std::string, at::Tensor>> newest_;
};

}  // namespace ditto
