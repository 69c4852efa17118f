#include "host_metrics.hpp"

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <string>

namespace gatehouse::host {
namespace {

TEST(HostMetrics, StandInTheManual) {
    std::ifstream file(std::filesystem::path(GATEHOUSE_SOURCE_DIR) / "docs/metrics.md");
    const std::string manual{std::istreambuf_iterator<char>(file), {}};
    const std::string list = metric_list(true);
    EXPECT_NE(manual.find("\n" + list + "\n"), std::string::npos) << "docs/metrics.md has to have this table:\n" << list;
}

} // namespace
} // namespace gatehouse::host
