#include "kernels/cpu/attention_softmax.h"
#include "kernels/cpu/entry_points.h"
#include "kernels/fused/lists.h"

DITTO_BEGIN_TARGET

#if defined(__AVX512F__)

namespace {

constexpr int kMaxKeys = 512;                    // of a block
constexpr int kScoreStride = kMaxKeys + kLanes;  // not a power of two: rows of scores do not share a set of the cache

constexpr int padded(int count) { return (count + kLanes - 1) / kLanes * kLanes; }

/// How many queries and keys are worked on together for one width of the heads.
struct Pieces {
  int width, queries, keys;
  explicit Pieces(int head_width) : width(padded(head_width)) {
    queries = kAttentionQueries / width / kTileRows * kTileRows;
    keys = kAttentionBlock / width / kLanes * kLanes;
    if (keys > kMaxKeys) keys = kMaxKeys;
  }
};

/// One head's vectors from a token on.
template <typename T>
struct Tokens {
  T* data;
  std::int64_t stride;
  template <typename Heads>
  Tokens(const Heads& heads, std::int64_t row, std::int64_t head, std::int64_t token)
      : data(static_cast<T*>(heads.data) + row * heads.row_stride + head * heads.head_stride +
             token * heads.token_stride),
        stride(heads.token_stride) {}
  T* operator[](std::int64_t token) const { return data + token * stride; }
};

/// Keys as columns: a matrix [padded width, padded count] in panels. The last pack is filled up with copies.
template <typename T>
DITTO_DEVICE Panels pack_keys(const Tokens<const T>& from, int count, int width, float* room) {
  const Panels panels{room, padded(width), padded(count)};
  for (int key = 0; key < panels.columns; ++key) {
    const PanelColumn to = panel_column(key, panels.rows, panels.columns);
    for_packs(0, 0, width, 0, [&](const auto& place) DITTO_INLINE_LAMBDA {
      float lanes[kLanes];
      store_pack(lanes, place.extent.load(from[key < count ? key : count - 1] + place.column));
      float* const column = room + to.begin + place.column * to.stride;
      for (int i = 0; i < kLanes; ++i) column[i * to.stride] = lanes[i];
    });
  }
  return panels;
}

/// Values as rows: a matrix [count, padded width] in panels.
template <typename T>
DITTO_DEVICE Panels pack_values(const Tokens<const T>& from, int count, int width, float* room) {
  const Panels panels{room, count, padded(width)};
  for (int key = 0; key < count; ++key) {
    for_packs(0, 0, width, 0, [&](const auto& place) DITTO_INLINE_LAMBDA {
      const PanelColumn to = panel_column(static_cast<int>(place.column), count, panels.columns);
      store_pack(room + to.begin + key * to.stride, place.extent.load(from[key] + place.column));
    });
  }
  return panels;
}

/// A tile of queries [kTileRows, padded width], scaled; zeros beyond `count`.
template <typename T>
DITTO_DEVICE void pack_queries(const Tokens<const T>& from, int count, int width, float scale, float* tile) {
  for (int query = 0; query < kTileRows; ++query, tile += padded(width)) {
    for_packs(0, 0, width, 0, [&](const auto& place) DITTO_INLINE_LAMBDA {
      store_pack(tile + place.column, query < count ? place.extent.load(from[query] + place.column) * scale : Pack{});
    });
  }
}

/// Adds what a block of keys and values has for a tile of queries to `mixed`.
DITTO_DEVICE void attend_block(const float* queries, const Panels& keys, const Panels& values, int count,
                               SoftmaxState* states, float* mixed) {
  float scores[kTileRows * kScoreStride], factors[kTileRows];
  Pack tops[kTileRows];
  for (Pack& top : tops) top = every_lane(-__builtin_inff());
  multiply(
      queries, keys.rows, keys, [](int, int) DITTO_INLINE_LAMBDA { return Pack{}; },
      [&](int row, int column, const Pack& score) DITTO_INLINE_LAMBDA {
        tops[row] = upper(tops[row], score);
        store_pack(scores + row * kScoreStride + column, score);
      });
  for (int row = 0; row < kTileRows; ++row) {
    factors[row] = softmax_block(scores + row * kScoreStride, count, tops[row], states[row]);
  }
  multiply(
      scores, kScoreStride, values,
      [&](int row, int column)
          DITTO_INLINE_LAMBDA { return load_pack(mixed + row * values.columns + column) * factors[row]; },
      [&](int row, int column, const Pack& sum)
          DITTO_INLINE_LAMBDA { store_pack(mixed + row * values.columns + column, sum); });
}

/// Some queries of one head, at most pieces.queries.
template <typename T>
DITTO_DEVICE void attend(const AttentionArguments& a, std::int64_t row, std::int64_t head, std::int64_t first,
                         int count, const Pieces& pieces, float* scratch) {
  float *const keys = scratch, *const values = keys + kAttentionBlock, *const mixed = values + kAttentionBlock;
  const int width = static_cast<int>(a.width);
  SoftmaxState states[kAttentionQueries / kLanes];
  const int rows = (count + kTileRows - 1) / kTileRows * kTileRows;
  for (int i = 0; i < rows; ++i) states[i] = {-__builtin_inff(), 0};
  for (int i = 0; i < rows * pieces.width; ++i) mixed[i] = 0;
  for (std::int64_t key = 0; key < a.keys; key += pieces.keys) {
    const int block = a.keys - key < pieces.keys ? static_cast<int>(a.keys - key) : pieces.keys;
    const Panels key_panels = pack_keys<T>({a.key, row, head, key}, block, width, keys);
    const Panels value_panels = pack_values<T>({a.value, row, head, key}, block, width, values);
    for (int query = 0; query < count; query += kTileRows) {
      float tile[kTileRows * kMaxHeadWidth];
      pack_queries<T>({a.query, row, head, first + query}, count - query, width, a.scale, tile);
      attend_block(tile, key_panels, value_panels, block, states + query, mixed + query * pieces.width);
    }
  }
  const Tokens<T> out(a.out, row, head, first);
  for (int query = 0; query < count; ++query) {
    const float share = 1 / states[query].sum;
    for_packs(0, 0, width, 0, [&](const auto& place) DITTO_INLINE_LAMBDA {
      place.extent.store(out[query] + place.column, load_pack(mixed + query * pieces.width + place.column) * share);
    });
  }
}

}  // namespace

void attention(const AttentionArguments& arguments, std::int64_t first, std::int64_t last, float* scratch) {
  with_type(arguments.type, [&]<typename T>(T) {
    const Pieces pieces(static_cast<int>(arguments.width));
    for (std::int64_t at = first; at < last;) {
      const std::int64_t head = at / arguments.queries, query = at % arguments.queries;
      std::int64_t count = arguments.queries - query;
      if (count > last - at) count = last - at;
      if (count > pieces.queries) count = pieces.queries;
      attend<T>(arguments, head / arguments.heads, head % arguments.heads, query, static_cast<int>(count), pieces,
                scratch);
      at += count;
    }
  });
}

#endif

DITTO_END_TARGET
