#pragma once

#include "kernels/fused/place.h"

DITTO_BEGIN_TARGET

/// What a step of a solver does with the network's predictions, one stage each. What the unfused operations round to
/// the predictions' type is rounded here too: a solver's results are compared with its original's bit by bit.

/// unconditional + guidance * (conditional - unconditional); the conditional alone when the other is null.
template <typename T>
struct Guided {
  Rows<const T> conditional, unconditional;
  float guidance;
  template <typename P>
  DITTO_DEVICE Pack operator()(const P& place, const Pack&) const {
    const Pack towards = load(conditional, place);
    if (unconditional.data == nullptr) return towards;
    const Pack away = load(unconditional, place);
    return rounded<T>(away + rounded<T>(rounded<T>(towards - away) * guidance));
  }
};

template <typename T>
struct Scaled {
  float factor;
  template <typename P>
  DITTO_DEVICE Pack operator()(const P&, const Pack& value) const {
    return rounded<T>(value * factor);
  }
};

/// UniPC's update once the data prediction is known: corrects the latent and predicts the next one.
struct CorrectAndPredict {
  Rows<const float> latent, start, current, previous;
  float corrector[4], predictor[3];
  Rows<float> corrected;

  template <typename P>
  DITTO_DEVICE Pack operator()(const P& place, const Pack& data) const {
    Pack now;
    if (start.data == nullptr) {
      now = load(latent, place);
    } else {
      now = load(start, place) * corrector[0] + load(current, place) * corrector[1] + data * corrector[2];
      if (previous.data != nullptr) now = now + load(previous, place) * corrector[3];
    }
    place.extent.store(corrected.at(place), now);
    Pack next = now * predictor[0] + data * predictor[1];
    if (current.data != nullptr) next = next + load(current, place) * predictor[2];
    return next;
  }
};

DITTO_END_TARGET
