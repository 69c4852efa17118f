#include "process/cpus.hpp"

#include "../support/temp_dir.hpp"

#include <gtest/gtest.h>
#include <sched.h>

namespace gatehouse::host {
namespace {

// A made-up /proc/self/cgroup and /sys/fs/cgroup. The affinity is the test's own: two CPUs where the machine has as many.
class UsableCpus : public ::testing::Test {
  public:
    UsableCpus() {
        ::sched_getaffinity(0, sizeof before_, &before_);
        cpu_set_t two;
        CPU_ZERO(&two);
        for (std::size_t i = 0; i < CPU_SETSIZE && CPU_COUNT(&two) < 2; ++i)
            if (CPU_ISSET(i, &before_)) CPU_SET(i, &two);
        ::sched_setaffinity(0, sizeof two, &two);
        all_ = static_cast<unsigned>(CPU_COUNT(&two));
    }
    ~UsableCpus() override { ::sched_setaffinity(0, sizeof before_, &before_); }

  protected:
    void write(const std::string& name, std::string_view text) {
        std::filesystem::create_directories((root_.path() / name).parent_path());
        root_.write(name, text);
    }
    unsigned cpus() const { return usable_cpus(root_.path()); }

    support::TempDir root_;
    cpu_set_t before_{};
    unsigned all_ = 0;
};

TEST_F(UsableCpus, AreThoseOfTheAffinityWithoutACgroup) { EXPECT_EQ(cpus(), all_); }

TEST_F(UsableCpus, FollowTheQuotaOfVersion2) {
    write("proc/self/cgroup", "0::/pod\n");
    write("sys/fs/cgroup/pod/cpu.max", "100000 100000\n");
    EXPECT_EQ(cpus(), 1U);
    write("sys/fs/cgroup/pod/cpu.max", "max 100000\n");
    EXPECT_EQ(cpus(), all_);
}

TEST_F(UsableCpus, RoundAPartOfOneUp) {
    write("proc/self/cgroup", "0::/\n");
    write("sys/fs/cgroup/cpu.max", "1000 100000\n");
    EXPECT_EQ(cpus(), 1U);
    write("sys/fs/cgroup/cpu.max", "100001 100000\n");
    EXPECT_EQ(cpus(), all_);
}

TEST_F(UsableCpus, AreNeverMoreThanTheAffinityHas) {
    write("proc/self/cgroup", "0::/\n");
    write("sys/fs/cgroup/cpu.max", "9223372036854775807 1\n");
    EXPECT_EQ(cpus(), all_);
}

TEST_F(UsableCpus, FollowTheQuotaOfACgroupAbove) {
    write("proc/self/cgroup", "0::/slice/pod/container\n");
    write("sys/fs/cgroup/slice/cpu.max", "50000 100000\n");
    write("sys/fs/cgroup/slice/pod/cpu.max", "max 100000\n");
    write("sys/fs/cgroup/slice/pod/container/cpu.max", "400000 100000\n");
    EXPECT_EQ(cpus(), 1U);
}

// In a container without a namespace of its own for cgroups, the path is the node's.
TEST_F(UsableCpus, FollowTheMountWhereThePathIsNotThere) {
    write("proc/self/cgroup", "0::/kubepods/pod1/container1\n");
    write("sys/fs/cgroup/cpu.max", "100000 100000\n");
    EXPECT_EQ(cpus(), 1U);
}

TEST_F(UsableCpus, DoNotLeaveTheNamespace) {
    write("proc/self/cgroup", "0::/../../other\n");
    write("sys/fs/cpu.max", "100000 100000\n");
    EXPECT_EQ(cpus(), all_);
}

TEST_F(UsableCpus, FollowTheQuotaOfVersion1) {
    write("proc/self/cgroup", "12:memory:/docker/a\n4:cpu,cpuacct:/docker/a\n0::/docker/a\n");
    write("sys/fs/cgroup/cpu,cpuacct/docker/a/cpu.cfs_quota_us", "-1\n");
    write("sys/fs/cgroup/cpu,cpuacct/docker/a/cpu.cfs_period_us", "100000\n");
    EXPECT_EQ(cpus(), all_);
    write("sys/fs/cgroup/cpu,cpuacct/docker/a/cpu.cfs_quota_us", "20000\n");
    EXPECT_EQ(cpus(), 1U);
}

TEST_F(UsableCpus, FindVersion1UnderTheNameOfTheController) {
    write("proc/self/cgroup", "4:cpuacct,cpu:/docker/a\n");
    write("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "20000\n");
    write("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
    EXPECT_EQ(cpus(), 1U);
}

TEST_F(UsableCpus, DoNotMindNonsense) {
    write("proc/self/cgroup", "\n:\n::\n0::\nx:cpu:\n");
    for (const char* text : {"", "max", "1", "0 0", "-5 100000", "100000 0", "x y", "99999999999999999999 1"}) {
        write("sys/fs/cgroup/cpu.max", text);
        EXPECT_EQ(cpus(), all_) << text;
    }
}

} // namespace
} // namespace gatehouse::host
