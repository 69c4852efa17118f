#include "base/line_ring.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace gatehouse::host {
namespace {

std::uint32_t add(LineRing& ring, std::string_view line) {
    const std::uint32_t lost = ring.make_room(line.size() + 1);
    ring.append(line);
    ring.end_line();
    return lost;
}

// All that is in it.
std::string taken_from(LineRing& ring) {
    std::string text;
    for (LineRing::Batch batch; !ring.empty();) {
        ring.take(batch);
        text += batch.view();
    }
    return text;
}

TEST(LineRing, KeepsLinesInTheirOrder) {
    LineRing ring;
    EXPECT_TRUE(ring.empty());
    for (int round = 0; round < 40; ++round) {
        std::string all;
        for (int i = 0; i < 3000; ++i) {
            const std::string line =
                std::to_string(round) + ' ' + std::to_string(i) + std::string(static_cast<std::size_t>(i % 80), 'x');
            EXPECT_EQ(add(ring, line), 0U);
            all += line + '\n';
        }
        EXPECT_EQ(taken_from(ring), all);
        EXPECT_TRUE(ring.empty());
    }
}

TEST(LineRing, GivesUpTheOldestLinesAndCountsThem) {
    LineRing ring;
    const std::string line(999, 'x');
    std::uint64_t lost = 0;
    std::uint64_t added = 0;
    for (; added < 5000; ++added) lost += add(ring, std::to_string(added) + ' ' + line);
    EXPECT_TRUE(ring.is_half_full());
    const std::string rest = taken_from(ring);
    const auto kept = static_cast<std::uint64_t>(std::count(rest.begin(), rest.end(), '\n'));
    EXPECT_EQ(kept + lost, added);
    EXPECT_GT(kept, 900U); // fifteen batches at least
    EXPECT_TRUE(rest.starts_with(std::to_string(lost) + ' '));
    EXPECT_TRUE(rest.ends_with('\n'));
    EXPECT_NE(rest.find("\n4999 "), std::string::npos);
}

// As the log's longest lines are.
TEST(LineRing, ALineMayFillABatch) {
    LineRing ring;
    const std::string line(LineRing::batch_size - 1, 'x');
    for (std::size_t i = 0; i < LineRing::most_batches; ++i) EXPECT_EQ(add(ring, line), 0U);
    EXPECT_EQ(add(ring, "y"), 1U);
    EXPECT_TRUE(taken_from(ring).ends_with("x\ny\n"));
}

} // namespace
} // namespace gatehouse::host
