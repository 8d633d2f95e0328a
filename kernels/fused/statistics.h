#pragma once

#include "kernels/fused/element.h"

DITTO_BEGIN_TARGET

/// Statistics of a row for the row pattern: in each pass the terms of all elements are combined, `finish` makes the
/// row's value of the result, `normalised` applies it, `publish` writes what the caller wants to know of it.

struct Summed {
  template <typename V>
  static DITTO_DEVICE V combined(const V& a, const V& b) {
    return a + b;
  }
};

/// (x - mean) / sqrt(variance + epsilon), the variance from the centred row.
struct MeanAndVariance : Summed {
  struct Value {
    float mean, scale;
  };
  static constexpr int kPasses = 2;
  float epsilon;

  template <int kPass>
  static DITTO_DEVICE Pack term(const Value& value, const Pack& x) {
    return kPass == 0 ? x : (x - value.mean) * (x - value.mean);
  }
  template <int kPass>
  DITTO_DEVICE void finish(Value& value, float total, float columns) const {
    if constexpr (kPass == 0) {
      value.mean = total / columns;
    } else {
      value.scale = 1 / square_root(total / columns + epsilon);
    }
  }
  static DITTO_DEVICE Pack normalised(const Value& value, const Pack& x) { return (x - value.mean) * value.scale; }
  DITTO_DEVICE void publish(std::int64_t, const Value&) const {}
};

/// x / sqrt(mean(x^2) + epsilon).
struct RootMeanSquare : Summed {
  struct Value {
    float scale;
  };
  static constexpr int kPasses = 1;
  float epsilon;

  template <int kPass>
  static DITTO_DEVICE Pack term(const Value&, const Pack& x) {
    return x * x;
  }
  template <int kPass>
  DITTO_DEVICE void finish(Value& value, float total, float columns) const {
    value.scale = 1 / square_root(total / columns + epsilon);
  }
  static DITTO_DEVICE Pack normalised(const Value& value, const Pack& x) { return x * value.scale; }
  DITTO_DEVICE void publish(std::int64_t, const Value&) const {}
};

/// round(x / scale) with scale = max|x| / 127, or 1 for a row of zeros; the scales are written to `scales`.
struct SymmetricInt8 {
  struct Value {
    float scale;
  };
  static constexpr int kPasses = 1;
  float* scales;

  template <typename V>
  static DITTO_DEVICE V combined(const V& a, const V& b) {
    return larger(a, b);
  }
  template <int kPass>
  static DITTO_DEVICE Pack term(const Value&, const Pack& x) {
    return absolute(x);
  }
  template <int kPass>
  DITTO_DEVICE void finish(Value& value, float total, float) const {
    value.scale = total == 0 ? 1 : total / 127;
  }
  static DITTO_DEVICE Pack normalised(const Value& value, const Pack& x) { return nearest(x / value.scale); }
  DITTO_DEVICE void publish(std::int64_t row, const Value& value) const { scales[row] = value.scale; }
};

DITTO_END_TARGET
