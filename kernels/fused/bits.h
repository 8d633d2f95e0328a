#pragma once

#include "kernels/fused/target.h"

DITTO_BEGIN_TARGET

/// The same bits as another type of the same size.
template <typename To, typename From>
DITTO_DEVICE To bits_of(const From& from) {
  static_assert(sizeof(To) == sizeof(From));
  To to;
  __builtin_memcpy(&to, &from, sizeof(to));
  return to;
}

DITTO_END_TARGET
