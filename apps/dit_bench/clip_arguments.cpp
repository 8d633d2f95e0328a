#include "apps/dit_bench/verbs.h"
#include "ditto.h"

namespace ditto {

std::filesystem::path ClipArguments::model_folder() const { return model.empty() ? shipped_model() : model; }

Request ClipArguments::request() const {
  Request request;
  request.prompt = "a large red circle moving right on a white background";
  request.steps = steps;
  request.frames = frames;
  if (size) {
    request.width = size->width;
    request.height = size->height;
  }
  return request;
}

}  // namespace ditto
