// The http plugin as people's clients see it: load generators, libraries, a browser.
#include "clients.hpp"
#include "gatehouse.hpp"

#include <gtest/gtest.h>

using namespace gatehouse::support;

namespace {

const std::string scripts = GATEHOUSE_SOURCE_DIR "/tests/e2e/http_clients/";

class SlowHttpClients : public testing::Test {
  protected:
    std::string url() const { return "http://" + host_.address("http") + "/"; }

    static bool is_there(const std::string& program) { return run({"sh", "-c", "command -v " + program}).status == 0; }

    static std::string output(const std::vector<std::string>& command, const ProcessOptions& options = {}) {
        const Result result = run(command, options, std::chrono::seconds(110));
        EXPECT_EQ(result.status, 0) << result.err;
        return result.out + result.err;
    }

    const TempDir root_;
    const std::string page_ = root_.write("index.html", "<p>hello");
    Gatehouse host_{http_from(root_)};
};

TEST_F(SlowHttpClients, LoadGenerators) {
    const std::string ab = output({"ab", "-q", "-k", "-n", "2000", "-c", "20", url()});
    EXPECT_NE(ab.find("Complete requests:      2000"), ab.npos) << ab;
    EXPECT_NE(ab.find("Failed requests:        0"), ab.npos) << ab;
    EXPECT_NE(ab.find("Keep-Alive requests:    2000"), ab.npos) << ab;
    const std::string h2load = output({"h2load", "--h1", "-n", "2000", "-c", "20", url()});
    EXPECT_NE(h2load.find("2000 succeeded, 0 failed, 0 errored, 0 timeout"), h2load.npos) << h2load;
    EXPECT_NE(h2load.find("2000 2xx"), h2load.npos) << h2load;
    const std::string wrk = output({"wrk", "-t1", "-c20", "-d1s", url()});
    EXPECT_EQ(wrk.find("Socket errors"), wrk.npos) << wrk;
    EXPECT_EQ(wrk.find("Non-2xx"), wrk.npos) << wrk;
    EXPECT_NE(wrk.find("requests in"), wrk.npos) << wrk;
}

TEST_F(SlowHttpClients, ABrowserLoadsAPageWithTwoHundredAssets) {
    if (!is_there("chromium")) GTEST_SKIP() << "there is no chromium";
    output({"python3", scripts + "page.py", root_.path()});
    const TempDir profile;
    const std::string page = output({"chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-proxy-server",
                                     "--user-data-dir=" + profile.path().string(), "--dump-dom", url()});
    EXPECT_NE(page.find("<title>50 scripts, 50 sheets, 100 images</title>"), page.npos) << page;
    std::size_t requests = 0;
    for (const Record& record : host_.log()) requests += record.message() == "closed" ? 1U : 0U;
    EXPECT_LE(requests, 8U) << "the browser keeps its connections";
}

// Each sends its body whole before it looks for the answer, which has come long before.
class SlowHttpUpload : public SlowHttpClients, public testing::WithParamInterface<const char*> {};

TEST_P(SlowHttpUpload, IsAnswered) {
    const std::string client = GetParam();
    const bool python = client == "http.client" || client == "requests" || client == "curl";
    if (client == "undici" && run({"test", "-e", "/usr/share/nodejs/undici"}).status != 0) GTEST_SKIP() << "there is no undici";
    const std::string program = python ? "/usr/bin/python3" : "node"; // the one that Debian's packages are for
    const std::string script = scripts + (python ? "upload.py" : "upload.js");
    EXPECT_EQ(output({"env", "NODE_PATH=/usr/share/nodejs", program, script, client, url(), "2"}), "6\n");
}

INSTANTIATE_TEST_SUITE_P(, SlowHttpUpload, testing::Values("http.client", "requests", "curl", "fetch", "undici", "http"),
                         [](const auto& test) {
                             std::string name = test.param;
                             std::erase(name, '.');
                             return name;
                         });

} // namespace
