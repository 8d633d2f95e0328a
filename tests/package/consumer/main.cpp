#include <iostream>
#include <thread>

#include <ditto/ditto.h>

int main() {
  const auto model = ditto::load_model(ditto::shipped_model());  // immutable; threads may share it
  const ditto::PolicySpec policy = ditto::parse_policy("taylorseer:interval=3");
  const auto make_policy = [&] { return ditto::make_policy({&policy, 1}); };

  ditto::Request request;
  request.prompt = "a small red circle moving left on a white background";
  ditto::Result result = ditto::generate(*model, request, make_policy);
  ditto::write_video("clip.mp4", result.frames);
  std::cout << result.counts.units_computed << " of " << result.units_total << " units computed\n";

  std::stop_source stop;  // cancelling from another thread leaves nothing behind for the next run
  std::jthread canceller([&] { stop.request_stop(); });
  try {
    ditto::generate(*model, request, make_policy, {.stop = stop.get_token()});
  } catch (const ditto::Cancelled&) {
    std::cout << "cancelled\n";
  }
}
