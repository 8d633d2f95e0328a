#pragma once

/// Everything a program needs: load a model, pick a policy, generate, write a video.
#include "caches/registry.h"
#include "core/error.h"
#include "core/trace.h"
#include "io/image.h"
#include "io/video.h"
#include "models/registry.h"
#include "runtime/pipeline.h"
