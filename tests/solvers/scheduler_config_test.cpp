#include "solvers/scheduler_config.h"

#include <fstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "test_paths.h"

namespace ditto {
namespace {

class SchedulerConfigFile : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto* info = ::testing::UnitTest::GetInstance()->current_test_info();
    file_ = std::filesystem::path(::testing::TempDir()) / (std::string("scheduler_") + info->name() + ".json");
  }
  void TearDown() override { std::filesystem::remove(file_); }

  SchedulerConfig read(const nlohmann::json& document) const {
    std::ofstream(file_) << document.dump();
    return read_scheduler_config(file_);
  }

  void expect_refused(nlohmann::json document, const std::string& key, const nlohmann::json& value) const {
    if (value.is_discarded()) {
      document.erase(key);
    } else {
      document[key] = value;
    }
    try {
      read(document);
      ADD_FAILURE() << key << " was accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::kBadInputFile);
      EXPECT_NE(std::string(error.what()).find(file_.string() + ": " + key + ": "), std::string::npos) << error.what();
    }
  }

  std::filesystem::path file_;
  nlohmann::json unipc_ = {{"_class_name", "UniPCMultistepScheduler"},
                           {"prediction_type", "flow_prediction"},
                           {"use_flow_sigmas", true},
                           {"flow_shift", 5.0}};
  nlohmann::json euler_ = {{"_class_name", "FlowMatchEulerDiscreteScheduler"}, {"shift", 3.0}};
};

TEST_F(SchedulerConfigFile, TheMiniaturesFileIsRead) {
  const SchedulerConfig config = read_scheduler_config(test::model_path("wan-mini/scheduler/scheduler_config.json"));
  EXPECT_EQ(config.solver, "unipc");
  EXPECT_EQ(config.options.shift, 3);
  EXPECT_EQ(config.options.train_timesteps, 1000);
  EXPECT_TRUE(config.options.steps_without_corrector.empty());
}

TEST_F(SchedulerConfigFile, DefaultsNullsAndUnknownKeysAreAccepted) {
  unipc_["solver_p"] = nullptr;
  unipc_["shift_terminal"] = nullptr;
  unipc_["disable_corrector"] = {0, 2};
  unipc_["a_key_of_a_later_version"] = "anything";
  const SchedulerConfig unipc = read(unipc_);
  EXPECT_EQ(unipc.solver, "unipc");
  EXPECT_EQ(unipc.options.shift, 5);
  EXPECT_EQ(unipc.options.steps_without_corrector, (std::vector<int>{0, 2}));

  euler_["num_train_timesteps"] = 500;
  const SchedulerConfig euler = read(euler_);
  EXPECT_EQ(euler.solver, "euler");
  EXPECT_EQ(euler.options.shift, 3);
  EXPECT_EQ(euler.options.train_timesteps, 500);
}

TEST_F(SchedulerConfigFile, UnsupportedSettingsAreNamed) {
  const nlohmann::json missing(nlohmann::json::value_t::discarded);
  for (const auto& document : {unipc_, euler_}) {
    expect_refused(document, "_class_name", "DDIMScheduler");
    expect_refused(document, "_class_name", missing);
    for (const auto key : {"use_karras_sigmas", "use_exponential_sigmas", "use_beta_sigmas", "use_dynamic_shifting"}) {
      expect_refused(document, key, true);
    }
    expect_refused(document, "shift_terminal", 0.1);
    expect_refused(document, "num_train_timesteps", 0);
  }
  expect_refused(unipc_, "use_flow_sigmas", false);
  expect_refused(unipc_, "use_flow_sigmas", missing);
  expect_refused(unipc_, "prediction_type", "epsilon");
  expect_refused(unipc_, "prediction_type", missing);
  expect_refused(unipc_, "predict_x0", false);
  expect_refused(unipc_, "lower_order_final", false);
  expect_refused(unipc_, "thresholding", true);
  expect_refused(unipc_, "final_sigmas_type", "sigma_min");
  expect_refused(unipc_, "solver_p", "DDIM");
  expect_refused(unipc_, "solver_order", 3);
  expect_refused(unipc_, "solver_type", "bh1");
  expect_refused(unipc_, "flow_shift", 0);
  expect_refused(unipc_, "flow_shift", "three");
  expect_refused(unipc_, "disable_corrector", {-1});
  expect_refused(euler_, "invert_sigmas", true);
  expect_refused(euler_, "stochastic_sampling", true);
  expect_refused(euler_, "shift", -1);
}

}  // namespace
}  // namespace ditto
