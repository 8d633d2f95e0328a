#pragma once

#include "kernels/arguments.h"
#include "kernels/fused/place.h"

DITTO_BEGIN_TARGET

inline constexpr int kWarp = 32;
inline constexpr std::int64_t kAccessBytes = 16;

/// Whole packs at multiples of 16 bytes.
struct AlignedPack {
  template <typename T>
  struct Bits {
    static constexpr int kParts = kLanes * static_cast<int>(sizeof(T)) / static_cast<int>(kAccessBytes);
    device::Bytes16 part[kParts];
  };
  template <typename T>
  struct Elements {
    T element[kLanes];
  };

  template <typename T>
  DITTO_DEVICE Pack load(const T* from) const {
    Bits<T> bits;
    for (int i = 0; i < Bits<T>::kParts; ++i) {
      bits.part[i] = device::load_16(from + i * (kLanes / Bits<T>::kParts));
    }
    const auto elements = bits_of<Elements<T>>(bits);
    return for_lanes([&](int i) { return widen(elements.element[i]); });
  }
  template <typename T>
  DITTO_DEVICE void store(T* to, const Pack& pack) const {
    Elements<T> elements;
    for (int i = 0; i < kLanes; ++i) narrow(pack.lane[i], elements.element[i]);
    const auto bits = bits_of<Bits<T>>(elements);
    for (int i = 0; i < Bits<T>::kParts; ++i) {
      device::store_16(to + i * (kLanes / Bits<T>::kParts), bits.part[i]);
    }
  }
  DITTO_DEVICE Pack kept(const Pack& pack) const { return pack; }
};

/// Whether every access of 16 bytes that starts there is aligned.
inline bool is_aligned(const void* data) { return reinterpret_cast<std::uintptr_t>(data) % kAccessBytes == 0; }
inline bool is_aligned(const void* data, std::int64_t stride, ElementType type) {
  const std::int64_t bytes = type == ElementType::kFloat32 ? 4 : 2;
  return data == nullptr || (is_aligned(data) && stride * bytes % kAccessBytes == 0);
}
inline bool is_aligned(const ConstMatrix& matrix, ElementType type) {
  return is_aligned(matrix.data, matrix.stride, type);
}
inline bool is_aligned(const Matrix& matrix, ElementType type) { return is_aligned(matrix.data, matrix.stride, type); }

/// Calls function with the extent that whole packs of the tensors have.
template <typename Function>
int with_extent(bool aligned, const Function& function) {
  return aligned ? function(AlignedPack{}) : function(WholePack{});
}

constexpr std::int64_t divided_up(std::int64_t count, std::int64_t by) { return (count + by - 1) / by; }

DITTO_END_TARGET
