#pragma once

#include <string>
#include <vector>

#include "eval/report/run_detail.h"

namespace ditto {

/// A chart under the name of its file, without extension.
struct Figure {
  std::string name;
  std::string element;
};

/// The charts of one run, under a heading each.
struct RunFigures {
  std::vector<Figure> decisions;  ///< a heat map for each branch
  std::vector<Figure> errors;     ///< the indicator where there is one, then the true error
  std::vector<Figure> frames;     ///< a strip for each metric
  std::vector<Figure> time, memory;
};
RunFigures figures_of(const RunDetail& run);

/// "PSNR, dB", "SSIM", "LPIPS (alex)"; other metrics keep their names.
std::string metric_title(const std::string& metric);
/// A score in the decimals its metric deserves.
std::string metric_text(const std::string& metric, double score);

/// A row of pictures [k,H,W,3] as one picture, a gap between them.
at::Tensor picture_row(const at::Tensor& pictures);
/// |a - b| times `gain`, saturated, for uint8 pictures of one shape.
at::Tensor picture_difference(const at::Tensor& a, const at::Tensor& b, double gain);

}  // namespace ditto
