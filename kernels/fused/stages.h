#pragma once

#include "kernels/arguments.h"
#include "kernels/fused/place.h"

DITTO_BEGIN_TARGET

/// The arithmetic of the fused kernels, one stage each; a kernel is a list of them.

template <typename Leaf>
struct Load {
  Leaf from;
  template <typename P>
  DITTO_DEVICE Pack operator()(const P& place, const Pack&) const {
    return load(from, place);
  }
  /// Begins to bring an element near.
  DITTO_DEVICE void fetch(std::int64_t row, std::int64_t column) const {
    __builtin_prefetch(from.data + row * from.stride + column);
  }
};

template <typename T>
struct Store {
  Rows<T> to;
  template <typename P>
  DITTO_DEVICE Pack operator()(const P& place, const Pack& value) const {
    place.extent.store(to.at(place), value);
    return value;
  }
};

/// value + leaf, and value * leaf.
template <typename Leaf>
struct Add {
  Leaf term;
  template <typename P>
  DITTO_DEVICE Pack operator()(const P& place, const Pack& value) const {
    return load(term, place) + value;
  }
};
template <typename Leaf>
struct Multiply {
  Leaf factor;
  template <typename P>
  DITTO_DEVICE Pack operator()(const P& place, const Pack& value) const {
    return value * load(factor, place);
  }
};

/// A stage that may be absent: a null leaf leaves the value as it is.
template <template <typename> typename Stage, typename Leaf>
struct Optional {
  Leaf leaf;
  template <typename P>
  DITTO_DEVICE Pack operator()(const P& place, const Pack& value) const {
    return leaf.data == nullptr ? value : Stage<Leaf>{leaf}(place, value);
  }
};

/// Sum of weights[k] * terms[k].
template <typename T, int kTerms>
struct WeightedSum {
  Rows<const T> terms[kTerms];
  float weights[kTerms];
  template <typename P>
  DITTO_DEVICE Pack operator()(const P& place, const Pack&) const {
    Pack sum = load(terms[0], place) * weights[0];
    for (int k = 1; k < kTerms; ++k) sum = sum + load(terms[k], place) * weights[k];
    return sum;
  }
};

/// The same with weights that differ from column to column.
template <typename T, int kTerms>
struct ColumnWeightedSum {
  Rows<const T> terms[kTerms];
  Columns<float> weights[kTerms];
  template <typename P>
  DITTO_DEVICE Pack operator()(const P& place, const Pack&) const {
    Pack sum = load(terms[0], place) * load(weights[0], place);
    for (int k = 1; k < kTerms; ++k) sum = sum + load(terms[k], place) * load(weights[k], place);
    return sum;
  }
};

#if !defined(DITTO_GPU)
/// The same with weights that differ by the cluster a column belongs to: unlike a weight for every column they stay in
/// the nearest cache beside long rows.
template <typename T, int kTerms>
struct ClusterWeightedSum {
  Rows<const T> terms[kTerms];
  Columns<Index> cluster;
  const float (*weights)[kSelectableRow];
  template <typename P>
  DITTO_DEVICE Pack operator()(const P& place, const Pack&) const {
    const Pack index = load(cluster, place);
    Pack sum = load(terms[0], place) * selected(weights[0], index);
    for (int k = 1; k < kTerms; ++k) sum = sum + load(terms[k], place) * selected(weights[k], index);
    return sum;
  }
};
#endif

/// int32 sums of products of quantised rows and columns, as numbers.
struct Rescaled {
  Rows<const std::int32_t> sums;
  const float* row_scale;
  Columns<float> column_scale;
  template <typename P>
  DITTO_DEVICE Pack operator()(const P& place, const Pack&) const {
    return load(sums, place) * row_scale[place.row] * load(column_scale, place);
  }
};

/// Rotates neighbouring columns as complex numbers by a table of complex fp32 [rows from `first_row`, segment width /
/// 2]; each segment of a row takes the row's whole entry.
struct Rotate {
  const float* table;
  std::int64_t first_row, width;
  template <typename P>
  DITTO_DEVICE Pack operator()(const P& place, const Pack& value) const {
    return complex_product(value, place.extent.load(table + (place.row - first_row) * width + place.column_in_segment));
  }
};

DITTO_END_TARGET
