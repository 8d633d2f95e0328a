// The module libditto_flow: see eval/flow/optical_flow.h for why it is apart.

#include <cmath>

#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>
#include <opencv2/video/tracking.hpp>

#include "eval/flow/flow_module.h"

namespace {

cv::Mat grey(const std::uint8_t* rgb, int height, int width) {
  const cv::Mat colour(height, width, CV_8UC3, const_cast<std::uint8_t*>(rgb));
  cv::Mat image;
  cv::cvtColor(colour, image, cv::COLOR_RGB2GRAY);
  return image;
}

}  // namespace

extern "C" double ditto_mean_flow_length(const std::uint8_t* from, const std::uint8_t* to, int height, int width) {
  cv::Mat flow;
  cv::calcOpticalFlowFarneback(grey(from, height, width), grey(to, height, width), flow, 0.5, 3, 15, 3, 5, 1.2, 0);
  double sum = 0;
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const auto& vector = flow.at<cv::Point2f>(y, x);
      sum += std::hypot(vector.x, vector.y);
    }
  }
  return sum / (static_cast<double>(height) * width);
}
