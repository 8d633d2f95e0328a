#include "caches/polynomial.h"

#include <gtest/gtest.h>

#include "caches/patterns.h"
#include "tolerances.h"

namespace ditto::test {
namespace {

TEST(Polynomial, IsReadHighestPowerFirst) {
  EXPECT_EQ(parse_polynomial("1/0", "x"), (std::vector<double>{1, 0}));
  EXPECT_EQ(parse_polynomial("-5784.54975374/5449.50911966/1e-3", "x"),
            (std::vector<double>{-5784.54975374, 5449.50911966, 1e-3}));
  EXPECT_EQ(evaluate_polynomial({2, -1, 3}, 10), 193);
  EXPECT_EQ(evaluate_polynomial({4}, 10), 4);
}

TEST(Polynomial, RefusesWhatIsNoNumber) {
  for (const std::string text : {"", "1//2", "1/", "/1", "1,2", "one", "nan", "inf/1", "1 /2", "1e999"}) {
    try {
      parse_polynomial(text, "policy:coefficients");
      ADD_FAILURE() << "accepted: " << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::kUsage);
      EXPECT_EQ(std::string(error.what()).rfind("--cache: policy:coefficients: '", 0), 0U) << error.what();
      EXPECT_NE(std::string(error.what()).find("' is no number; accepted: a/b/c, highest power first"),
                std::string::npos)
          << error.what();
    }
  }
}

}  // namespace
}  // namespace ditto::test
