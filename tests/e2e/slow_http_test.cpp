// slowhttptest against the http plugin: whoever asks or listens too slowly is ended, and others are served meanwhile.
#include "clients.hpp"
#include "gatehouse.hpp"
#include "random_bytes.hpp"

#include <fstream>
#include <gtest/gtest.h>
#include <ostream>

using namespace gatehouse::support;

namespace {

struct Attack {
    const char* name;
    const char* options;
    const char* path;
    const char* reason; // why its connections end
};

std::ostream& operator<<(std::ostream& out, const Attack& attack) { return out << attack.name; }

class HttpUnderAttack : public testing::TestWithParam<Attack> {};

TEST_P(HttpUnderAttack, ServesOthers) {
    constexpr std::size_t attackers = 100;
    const TempDir root;
    std::ofstream(root / "index.html") << "hello\n";
    std::ofstream(root / "big.bin") << random_bytes(20'000'000, 1);
    Gatehouse host("[plugins.http]\nconfig = { root = \"" + root.path().string() + "\" }\n" +
                   listener("web", "http",
                            "first_byte_timeout = \"1s\"\nmin_rate = 1000\nmin_rate_window = \"1s\"\nsend_buffer = \"64KiB\""));
    const std::string url = "http://127.0.0.1:" + std::to_string(host.port("web"));
    Process attack({"sh", "-c",
                    "exec slowhttptest -c " + std::to_string(attackers) + " -r 200 -i 1 -p 10 -l 8 " + GetParam().options +
                        " -u " + url + GetParam().path});

    // For as long as it goes on, and at least once.
    host.wait_for_status("web", "attackers", [](const Record& now) { return now.number("accepted") >= 10; });
    do {
        const Result curl = run({"curl", "-q", "-sS", "--noproxy", "*", "--max-time", "20", url + "/"});
        EXPECT_EQ(curl.out, "hello\n") << curl.err;
    } while (!attack.ended());
    const Result said = attack.wait();
    EXPECT_EQ(said.out.find("NO"), std::string::npos) << said.out; // "service available: NO"
    EXPECT_NE(said.out.find("YES"), std::string::npos) << said.out << said.err;

    const Record status = host.wait_for_status("web", "all ended", [](const Record& now) { return now["open"] == "0"; });
    EXPECT_GE(host.count_logged("\"reason\":\"" + std::string(GetParam().reason) + '"'), attackers) << status.line;
    EXPECT_EQ(host.terminate(), 0);
}

// A body is refused as soon as its header is there (405): nobody waits for it.
INSTANTIATE_TEST_SUITE_P(Slow, HttpUnderAttack,
                         testing::Values(Attack{"headers", "-H", "/", "too_slow"}, Attack{"body", "-B", "/", "done"},
                                         Attack{"reading", "-X -w 512 -y 1024 -n 1 -z 32 -k 1", "/big.bin", "too_slow"}),
                         [](const auto& test) { return std::string(test.param.name); });

} // namespace
