#pragma once

#include "kernels/arguments.h"
#include "kernels/fused/place.h"

DITTO_BEGIN_TARGET

inline constexpr int kWarp = 32;
inline constexpr std::int64_t kAccessBytes = 16;

/// Whole packs at multiples of 16 bytes.
struct AlignedPack {
  template <typename T>
  static constexpr int kAccesses = kLanes* static_cast<int>(sizeof(T)) / static_cast<int>(kAccessBytes);
  template <typename T>
  struct Accesses {
    device::Bytes16 access[kAccesses<T>];
  };
  template <typename T>
  struct Elements {
    T element[kLanes];
  };

  template <typename T>
  DITTO_DEVICE Pack load(const T* from) const {
    Accesses<T> bytes;
    for (int i = 0; i < kAccesses<T>; ++i) bytes.access[i] = device::load_16(from + i * (kLanes / kAccesses<T>));
    const auto elements = bits_of<Elements<T>>(bytes);
    return for_lanes([&](int i) { return widen(elements.element[i]); });
  }
  template <typename T>
  DITTO_DEVICE void store(T* to, const Pack& pack) const {
    for (int i = 0; i < kAccesses<T>; ++i) {
      device::Bytes16 bytes;
      for (int word = 0; word < 4; ++word) {
        if constexpr (sizeof(T) == sizeof(float)) {
          bytes.words[word] = bits_of<std::uint32_t>(pack.lane[4 * i + word]);
        } else {
          bytes.words[word] = narrow_pair(pack.lane[2 * word], pack.lane[2 * word + 1], T{});
        }
      }
      device::store_16(to + i * (kLanes / kAccesses<T>), bytes);
    }
  }
  DITTO_DEVICE void store(std::int8_t* to, const Pack& pack) const {
    Elements<std::int8_t> elements;
    for (int i = 0; i < kLanes; ++i) narrow(pack.lane[i], elements.element[i]);
    device::store_8(to, bits_of<device::Bytes8>(elements));
  }
  DITTO_DEVICE Pack kept(const Pack& pack) const { return pack; }
};

/// Whether every access of 16 bytes that starts there is aligned.
inline bool is_aligned(const void* data) { return reinterpret_cast<std::uintptr_t>(data) % kAccessBytes == 0; }
/// Whether every access to the packs of a matrix is: 16 bytes, or 8 for packs of int8.
inline bool is_aligned(const void* data, std::int64_t stride, std::int64_t element_bytes) {
  const std::int64_t access = element_bytes == 1 ? kLanes : kAccessBytes;
  return reinterpret_cast<std::intptr_t>(data) % access == 0 &&
         (data == nullptr || stride * element_bytes % access == 0);
}
inline bool is_aligned(const ConstMatrix& matrix, ElementType type) {
  return is_aligned(matrix.data, matrix.stride, type == ElementType::kFloat32 ? 4 : 2);
}
inline bool is_aligned(const Matrix& matrix, ElementType type) {
  return is_aligned(ConstMatrix{matrix.data, matrix.stride}, type);
}

/// Calls function with the extent that whole packs of the tensors have.
template <typename Function>
int with_extent(bool aligned, const Function& function) {
  return aligned ? function(AlignedPack{}) : function(WholePack{});
}

constexpr std::int64_t divided_up(std::int64_t count, std::int64_t by) { return (count + by - 1) / by; }

DITTO_END_TARGET
