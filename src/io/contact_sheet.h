#pragma once

#include <span>
#include <string>

#include <ATen/core/Tensor.h>

namespace ditto {

/// One clip of a sheet: uint8 frames [T,H,W,3] on the CPU, under a label (ASCII; other characters are drawn as '?').
struct ContactRow {
  std::string label;
  at::Tensor frames;
};

struct ContactSheetOptions {
  /// Frames of each clip, chosen evenly from the first to the last; a shorter clip shows all of its frames.
  int columns = 6;
  /// Width of a picture in pixels: smaller ones grow by the largest whole factor that fits (each pixel a square),
  /// larger ones shrink to it.
  int picture_width = 192;
  /// Adds a row of the absolute difference between the first two rows, which must have one shape.
  bool difference_row = false;
  /// Factor of the difference, which saturates at 255.
  double difference_gain = 8;
};

/// Draws the rows one under another, each with its label above and frame numbers over its pictures; returns uint8
/// [H,W,3]. Throws Error(kUsage) for no rows, and for a difference row between clips of different shapes.
at::Tensor render_contact_sheet(std::span<const ContactRow> rows, const ContactSheetOptions& options = {});

}  // namespace ditto
