// The http plugin as curl sees it.
#include "clients.hpp"
#include "gatehouse.hpp"

#include <fstream>
#include <gtest/gtest.h>
#include <random>

using namespace gatehouse::support;

namespace {

std::string arbitrary_bytes(std::size_t size) {
    std::mt19937_64 random(size); // the same at each run
    std::string bytes(size, '\0');
    for (char& c : bytes) c = static_cast<char>(random());
    return bytes;
}

class Http : public testing::Test {
  protected:
    std::string url(std::string_view path, std::string_view listener = "http") const {
        return "http://127.0.0.1:" + std::to_string(host_.port(listener)) + std::string(path);
    }

    // curl's standard output.
    static std::string curl(std::vector<std::string> arguments, const std::string& input = "") {
        arguments.insert(arguments.begin(), {"curl", "-q", "-sS", "--noproxy", "*", "--max-time", "100"});
        const Result result = run(arguments, {.input = input});
        EXPECT_EQ(result.status, 0) << result.err;
        return result.out;
    }

    // The status of the answer.
    static std::string code(std::vector<std::string> arguments, const std::string& input = "") {
        arguments.insert(arguments.begin(), {"-o", "/dev/null", "-w", "%{http_code}"});
        return curl(std::move(arguments), input);
    }

    static std::string sha256(const std::string& shell_command) {
        const Result result = run({"sh", "-c", shell_command + " | sha256sum"}, {}, std::chrono::seconds(110));
        EXPECT_EQ(result.status, 0) << result.err;
        return result.out;
    }

    const TempDir outside_; // what must not be served
    const TempDir root_;
    const std::string secret_ = outside_.write("secret", "secret");
    const std::string text_ = arbitrary_bytes(200'000); // more than what goes through sendfile
    const std::string file_ = root_.write("file.bin", text_);
    const std::string page_ = root_.write("index.html", "<p>hello");
    Gatehouse host_{http_from(root_)};
};

using SlowHttp = Http;

TEST_F(Http, ServesFilesAndTheIndex) {
    EXPECT_TRUE(curl({url("/file.bin")}) == text_);
    EXPECT_EQ(curl({url("/")}), "<p>hello");
    EXPECT_EQ(curl({"-o", "/dev/null", "-w", "%{http_code} %{content_type}", url("/")}), "200 text/html");
}

TEST_F(Http, HeadHasTheHeaderAlone) {
    const std::string answer = curl({"-I", url("/file.bin")});
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\n")) << answer;
    EXPECT_NE(answer.find("Content-Length: 200000\r\n"), std::string::npos) << answer;
    EXPECT_TRUE(answer.ends_with("\r\n\r\n")) << answer;
}

TEST_F(Http, Ranges) {
    EXPECT_TRUE(curl({"-r", "0-99", url("/file.bin")}) == text_.substr(0, 100));
    EXPECT_TRUE(curl({"-r", "-100", url("/file.bin")}) == text_.substr(text_.size() - 100));
    EXPECT_TRUE(curl({"-r", "199990-", url("/file.bin")}) == text_.substr(199'990));
    EXPECT_TRUE(curl({"-r", "1000-150000", url("/file.bin")}) == text_.substr(1000, 149'001));
    EXPECT_EQ(code({"-r", "0-99", url("/file.bin")}), "206");
    EXPECT_EQ(code({"-r", "200000-", url("/file.bin")}), "416");
}

TEST_F(Http, SeveralRangesAreSeveralParts) {
    const std::string answer = curl({"-i", "-r", "0-9,100-109", url("/file.bin")});
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 206 ")) << answer;
    EXPECT_NE(answer.find("Content-Type: multipart/byteranges; boundary="), std::string::npos);
    EXPECT_NE(answer.find("Content-Range: bytes 0-9/200000\r\n\r\n" + text_.substr(0, 10)), std::string::npos);
    EXPECT_NE(answer.find("Content-Range: bytes 100-109/200000\r\n\r\n" + text_.substr(100, 10)), std::string::npos);
}

TEST_F(Http, AnInterruptedDownloadGoesOn) {
    const std::string copy = outside_.write("copy", text_.substr(0, 70'000));
    curl({"-C", "-", "-o", copy, url("/file.bin")});
    EXPECT_TRUE(read_file(copy) == text_);
}

TEST_F(Http, ConditionalRequests) {
    // A file of this very second may change once more in it, and has no date.
    std::filesystem::last_write_time(file_, std::filesystem::file_time_type::clock::now() - std::chrono::hours(1));
    EXPECT_EQ(code({"-z", file_, url("/file.bin")}), "304"); // If-Modified-Since the file's own time
    EXPECT_EQ(code({"-z", "1 Jan 1990", url("/file.bin")}), "200");
    const std::string etags = outside_ / "etags";
    EXPECT_EQ(code({"--etag-save", etags, url("/file.bin")}), "200");
    EXPECT_EQ(code({"--etag-compare", etags, url("/file.bin")}), "304");
    root_.write("file.bin", "changed");
    EXPECT_EQ(code({"--etag-compare", etags, url("/file.bin")}), "200");
}

TEST_F(Http, OneConnectionTakesSeveralRequests) {
    EXPECT_EQ(curl({"-o", "/dev/null", "-o", "/dev/null", "-o", "/dev/null", "-w", "%{http_code}:%{num_connects} ",
                    url("/file.bin"), url("/missing"), url("/")}),
              "200:1 404:0 200:0 ");
}

TEST_F(Http, Http10ClosesAfterTheAnswer) {
    EXPECT_EQ(
        curl({"--http1.0", "-o", "/dev/null", "-o", "/dev/null", "-w", "%{http_code}:%{num_connects} ", url("/"), url("/")}),
        "200:1 200:1 ");
}

TEST_F(Http, NothingOutsideTheRootIsServed) {
    std::filesystem::create_symlink(secret_, root_ / "link");
    std::filesystem::create_symlink("../" + outside_.path().filename().string() + "/secret", root_ / "relative");
    const std::string up = "/../" + outside_.path().filename().string() + "/secret";
    EXPECT_EQ(code({"--path-as-is", url(up)}), "400");
    EXPECT_EQ(code({"--path-as-is", url("/a/.." + up)}), "400");
    EXPECT_EQ(code({"--path-as-is", url("/%2e%2e/" + up.substr(4))}), "400");
    EXPECT_EQ(code({"--path-as-is", url("/..%2f" + up.substr(4))}), "400");
    for (const std::string path : {"/link", "/relative", "/missing", "//etc/passwd"}) {
        const std::string status = code({"--path-as-is", url(path)});
        EXPECT_TRUE(status == "404" || status == "403") << path << ": " << status;
    }
}

TEST_F(Http, ABodyThatIsTooLargeIsRefusedReadably) {
    const std::string body(1'000'000, 'x');
    // curl waits with the body for what the server says of the header.
    EXPECT_EQ(code({"-X", "GET", "-H", "Expect: 100-continue", "--data-binary", "@-", url("/")}, body), "413");
    EXPECT_EQ(code({"-X", "GET", "-H", "Expect:", "--data-binary", "@-", url("/")}, body), "413");
    EXPECT_EQ(code({"-H", "Expect: 100-continue", "--data-binary", "@-", url("/")}, "small"), "405"); // POST
}

// Python's client sends all of the body before it looks for an answer, which has come long before.
TEST_F(Http, ARefusedUploadIsAnsweredHoweverItComes) {
    const std::string script = R"(
import http.client, sys, time
def slowly():
    for _ in range(10):
        yield b"x" * 1000
        time.sleep(0.03)
for length, body in ((10_000, slowly()), (5_000_000, bytes(5_000_000)), (20_000_000, bytes(20_000_000))):
    client = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=100)
    client.request("POST", "/", body, {"Content-Length": str(length)})
    print(client.getresponse().status)
    client.close()
)";
    const Result python = run({"python3", "-c", script, std::to_string(host_.port("http"))});
    EXPECT_EQ(python.out, "405\n405\n405\n") << python.err;
    EXPECT_EQ(code({"-H", "Expect:", "--data-binary", "@-", url("/")}, std::string(5'000'000, 'x')), "405");
}

TEST_F(Http, TenDownloadsAtOnce) {
    std::vector<std::string> arguments{"-Z", "--parallel-immediate", "--parallel-max", "10"};
    for (int i = 0; i < 10; ++i)
        arguments.insert(arguments.end(),
                         {"-o", outside_ / ("copy" + std::to_string(i)), url("/file.bin?" + std::to_string(i))});
    curl(arguments);
    for (int i = 0; i < 10; ++i) EXPECT_TRUE(read_file(outside_ / ("copy" + std::to_string(i))) == text_) << i;
}

// The only thread is free for the next one, although the client does not read what the plugin has made for it.
TEST_F(Http, WhatIsMadeForAClientHoldsNoThread) {
    const TempDir root;
    for (int i = 0; i < 3000; ++i) std::ofstream(root / (std::string(200, 'x') + std::to_string(i)));
    std::string digits;
    for (const char c : arbitrary_bytes(1'000'000)) digits += static_cast<char>('0' + static_cast<unsigned char>(c) % 10);
    root.write("digits.txt", digits);
    Gatehouse host(instance("http", "http", "root = \"" + root.path().string() + "\", listing = true, compress = {}",
                            "threads.max = 1\nsend_buffer = \"8KiB\""));
    std::vector<Client> slow;
    for (const char* target : {"/", "/digits.txt"}) {
        Client& client = slow.emplace_back(host.port("http"));
        limit_receive_buffer(client.fd());
        client.send("GET " + std::string(target) + " HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n");
        EXPECT_EQ(client.recv_exactly(12), "HTTP/1.1 200");
    }
    EXPECT_EQ(curl({"-r", "0-9", "http://" + host.address("http") + "/digits.txt"}), digits.substr(0, 10));
    EXPECT_EQ(host.status("http")["threads_blocked"], "0");
    for (Client& client : slow) {
        client.finish();
        EXPECT_GT(client.recv_until_eof().size(), 300'000U);
    }
}

TEST_F(Http, ThroughTheGateway) {
    const std::string file = root_.write("large", arbitrary_bytes(20'000'000));
    Gatehouse gateway(gateway_to(host_.address("http")));
    const std::string front = "http://" + gateway.address("gateway");
    EXPECT_EQ(sha256("curl -q -sS --noproxy '*' " + front + "/large"), sha256("cat " + file));
    EXPECT_EQ(curl({"-o", "/dev/null", "-o", "/dev/null", "-w", "%{http_code}:%{num_connects} ", front + "/", front + "/none"}),
              "200:1 404:0 ");
}

// One gibibyte with something in it at the places where a length or an offset of too few bits would go wrong.
TEST_F(SlowHttp, AGibibyteArrivesWhole) {
    const std::string file = root_ / "gibibyte";
    constexpr std::uint64_t size = 1ULL << 30U;
    {
        std::ofstream out(file, std::ios::binary);
        const std::string block = arbitrary_bytes(4096);
        for (const std::uint64_t at :
             std::initializer_list<std::uint64_t>{0, (1U << 24U) - 1000, 600'000'001, size - block.size()}) {
            out.seekp(static_cast<std::streamoff>(at));
            out << block;
        }
    }
    ASSERT_EQ(std::filesystem::file_size(file), size);
    EXPECT_EQ(sha256("curl -q -sS --noproxy '*' " + url("/gibibyte")), sha256("cat " + file));
}

} // namespace
