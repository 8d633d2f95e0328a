#pragma once

#include <functional>
#include <map>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include <ATen/core/Tensor.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/tensor.h>

#include "caches/registry.h"
#include "models/toy/toy_model.h"
#include "runtime/pipeline.h"

namespace ditto::test {

/// A policy made of functions: what a test wants to ask of the engine.
class FunctionPolicy : public CachePolicy {
 public:
  using Answer = std::function<Decision(const DecisionPoint&)>;
  using Look = std::function<void(const DecisionPoint&, const Feature&, const Feature*)>;

  explicit FunctionPolicy(Plan plan, Answer answer, Look look = {})
      : plan_(std::move(plan)), answer_(std::move(answer)), look_(std::move(look)) {}

  Plan plan(const Topology&, std::span<const StepInfo>) override { return plan_; }
  Decision decide(const DecisionPoint& point) override { return answer_(point); }
  void observe(const DecisionPoint& point, const Feature& fresh, const Feature* shadow) override {
    if (look_) look_(point, fresh, shadow);
  }

 private:
  Plan plan_;
  Answer answer_;
  Look look_;
};

/// Steps 0 to count - 1 without jumps; the noise level falls evenly from 1.
inline std::vector<StepInfo> even_schedule(int count) {
  std::vector<StepInfo> schedule;
  for (int index = 0; index < count; ++index) {
    const double sigma = 1 - static_cast<double>(index) / count;
    schedule.push_back({index, count, index, count, 1000 * sigma, sigma});
  }
  return schedule;
}

/// Specifications to a factory of the policy they describe.
inline PolicyFactory factory_of(const std::vector<std::string>& specifications) {
  std::vector<PolicySpec> parsed;
  for (const std::string& text : specifications) parsed.push_back(parse_policy(text));
  return [parsed] { return make_policy(parsed); };
}

/// What a policy makes of the options that may be left to it, by name.
inline std::map<std::string, std::string> settled_by(const std::string& specification, const Topology& topology,
                                                     const RunInfo& run) {
  const std::unique_ptr<CachePolicy> policy = factory_of({specification})();
  policy->begin(topology, run);
  policy->plan(topology, even_schedule(run.steps));
  std::map<std::string, std::string> values;
  for (const SettledOption& option : policy->settled_options()) values[option.name] = option.value;
  return values;
}

/// One clip of the toy model without decoding; the specifications are those of --cache.
inline Result run_toy(const VideoModel& model, const Request& request, const std::vector<std::string>& specifications,
                      GenerateOptions options = {}) {
  for (const std::string& text : specifications) options.policy_names.push_back(parse_policy(text).resolved());
  options.decode = false;
  return generate(model, request, factory_of(specifications), options);
}

/// Uneven noise levels and two branches.
inline Request toy_request(int steps = 10) {
  Request request;
  request.prompt = "a red circle";
  request.negative = "blur";
  request.steps = steps;
  request.shift = 3.0;
  return request;
}

inline bool same_bits(const at::Tensor& a, const at::Tensor& b) { return a.sizes() == b.sizes() && at::equal(a, b); }

inline double largest_difference(const at::Tensor& a, const at::Tensor& b) {
  return a.to(at::kDouble).sub(b.to(at::kDouble)).abs().max().item<double>();
}

/// The trace's letters for events of a run that jumped over no step.
inline std::string pattern_of(const std::vector<TraceEvent>& events, int steps, const std::string& site,
                              Branch branch = Branch::kConditional) {
  Trace trace;
  trace.run.steps = steps;
  trace.run.grid.nodes.resize(static_cast<std::size_t>(steps));
  std::iota(trace.run.grid.nodes.begin(), trace.run.grid.nodes.end(), 0);
  trace.events = events;
  return trace.pattern(site, branch);
}

/// Indices of the letter in a pattern.
inline std::vector<int> steps_of(const std::string& pattern, char letter) {
  std::vector<int> steps;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == letter) steps.push_back(static_cast<int>(i));
  }
  return steps;
}

}  // namespace ditto::test
