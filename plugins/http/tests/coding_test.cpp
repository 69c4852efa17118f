// Files in other codings: which one a client gets, and what is said of it.
#include "accept.hpp"
#include "coding.hpp"
#include "compressed_files.hpp"
#include "test_site.hpp"

#include <fcntl.h>
#include <memory>
#include <vector>
#include <zlib.h>

using namespace http;
using namespace http::test;
using namespace gatehouse::kit;

namespace {

std::string unzip(const std::string& compressed) {
    std::string text(1 << 20, '\0');
    z_stream stream{};
    inflateInit2(&stream, 15 + 16);
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(compressed.data()));
    stream.avail_in = static_cast<uInt>(compressed.size());
    stream.next_out = reinterpret_cast<Bytef*>(text.data());
    stream.avail_out = static_cast<uInt>(text.size());
    EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
    text.resize(stream.total_out);
    inflateEnd(&stream);
    return text;
}

const std::string page = [] {
    std::string text;
    for (int i = 0; i < 400; ++i) text += "<p>line " + std::to_string(i) + "</p>\n";
    return text;
}();

class CodingTest : public HttpTest {
  public:
    Answer ask_for(Plugin& other, const std::string& target, const std::string& codings, const std::string& more = "") {
        std::string output = other.serve({get(target, "Accept-Encoding: " + codings + "\r\n" + more)}).output;
        return take_answer(output);
    }
    Plugin with(const std::string& key, Value value) const { return Plugin({config().entries[0], {key, std::move(value)}}); }
};

} // namespace

TEST(Accept, GoesByWeights) {
    using C = std::vector<Coding>;
    EXPECT_EQ(preferred_codings(""), C{});
    EXPECT_EQ(preferred_codings("gzip, deflate, br, zstd"), (C{Coding::brotli, Coding::zstd, Coding::gzip}));
    EXPECT_EQ(preferred_codings("br;q=0.5, GZIP ; Q=0.8"), (C{Coding::gzip, Coding::brotli}));
    EXPECT_EQ(preferred_codings("gzip;q=0, *"), (C{Coding::brotli, Coding::zstd}));
    EXPECT_EQ(preferred_codings("gzip;q=0.5, identity"), C{});
    EXPECT_EQ(preferred_codings("gzip, identity;q=0"), C{Coding::gzip});
    EXPECT_EQ(preferred_codings("x-gzip, gzipped"), C{});
    for (const char* bad :
         {"gzip;q", "gzip;q=", "gzip;q=2", "gzip;q=1.001", "gzip;q=0.1234", "gzip;q=-1", "gzip;x=1", "gzip;q=.5"})
        EXPECT_EQ(preferred_codings(bad), C{}) << bad;
}

TEST(Accept, AMediaTypeMayHaveParameters) {
    EXPECT_TRUE(prefers_json("application/json;charset=utf-8"));
    EXPECT_FALSE(prefers_json("text/html;level=1;q=0.5, application/json;q=0.05"));
    EXPECT_TRUE(prefers_json("text/html;level=1;q=0.1, application/json"));
}

TEST(Coding, IsSmallerOrNothing) {
    for (const Coding coding : all_codings)
        for (const int level : {lowest_level, highest_level}) {
            const std::string compressed = compress(coding, page, level);
            EXPECT_LT(compressed.size(), page.size() / 4) << name_of(coding);
            EXPECT_FALSE(compressed.empty());
            EXPECT_EQ(compress(coding, "x", level), "");
            EXPECT_EQ(compress(coding, "", level), "");
        }
    EXPECT_EQ(unzip(compress(Coding::gzip, page, 5)), page);
}

TEST(CompressedFiles, CompressOnceWhatDoesNotChange) {
    const CompressedFiles files({.smallest = 1, .largest = 1 << 20, .level = 1, .types = {"text/*"}});
    OpenFile file;
    file.facts = {.size = page.size(), .device = 1, .inode = 2, .modified = {}, .changed = {100, 1}};
    file.kept = std::make_shared<FileCache::Entry>(FileCache::Entry{"a", file.facts, page});
    const auto first = files.find(Coding::gzip, file, {200, 0});
    EXPECT_EQ(files.find(Coding::gzip, file, {200, 0}), first);
    EXPECT_NE(files.find(Coding::brotli, file, {200, 0}), first);
    file.facts.changed = {199, 0}; // lately: it may change once more
    const auto late = files.find(Coding::gzip, file, {200, 0});
    EXPECT_NE(late, first);
    EXPECT_NE(files.find(Coding::gzip, file, {200, 0}), late);
    file.kept.reset(); // it has become shorter than it was when it was opened
    file.file = File(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    EXPECT_EQ(files.find(Coding::zstd, file, {200, 0}), nullptr);
}

TEST_F(CodingTest, AFileBesideIsTaken) {
    folder.write("a.css", "plain");
    folder.write("a.css.br", "in brotli");
    folder.write("a.css.gz", "in gzip");
    folder.write("only.gz", "no plain one");
    fs::create_directories(folder.site() / "only");
    Plugin on = with("precompressed", true);
    const Answer brotli = ask_for(on, "/a.css", "gzip, br, zstd");
    EXPECT_EQ(brotli.body, "in brotli");
    EXPECT_EQ(brotli.field("Content-Encoding"), "br");
    EXPECT_EQ(brotli.field("Content-Type"), "text/css");
    EXPECT_EQ(brotli.field("Vary"), "Accept-Encoding");
    const Answer gzip = ask_for(on, "/a.css", "gzip, zstd");
    EXPECT_EQ(gzip.body, "in gzip");
    const Answer plain = ask_for(on, "/a.css", "identity");
    EXPECT_EQ(plain.body, "plain");
    EXPECT_EQ(plain.fields.count("Content-Encoding"), 0u);
    EXPECT_EQ(plain.field("Vary"), "Accept-Encoding");
    EXPECT_NE(brotli.field("ETag"), gzip.field("ETag"));
    EXPECT_NE(brotli.field("ETag"), plain.field("ETag"));
    EXPECT_TRUE(brotli.field("ETag").starts_with('"')) << "strong";

    const std::string match = "If-None-Match: " + brotli.field("ETag") + "\r\n";
    EXPECT_EQ(ask_for(on, "/a.css", "br", match).status, 304);
    EXPECT_EQ(ask_for(on, "/a.css", "br", match).field("Vary"), "Accept-Encoding");
    EXPECT_EQ(ask_for(on, "/a.css", "gzip", match).status, 200);
    const Answer part = ask_for(on, "/a.css", "br", "Range: bytes=3-8\r\nIf-Range: " + brotli.field("ETag") + "\r\n");
    EXPECT_EQ(part.status, 206);
    EXPECT_EQ(part.body, "brotli");
    EXPECT_EQ(part.field("Content-Encoding"), "br");
    const Answer parts = ask_for(on, "/a.css", "br", "Range: bytes=0-0,3-3\r\n");
    EXPECT_EQ(parts.fields.count("Content-Encoding"), 0u) << "what is around the parts is plain";
    EXPECT_NE(parts.body.find("Content-Encoding: br\r\n"), std::string::npos);

    EXPECT_EQ(ask_for(on, "/only", "gzip").status, 301) << "a folder, and not its archive";
    EXPECT_EQ(ask_for(plugin, "/a.css", "br").body, "plain") << "nobody has asked for it";
}

TEST_F(CodingTest, AFileIsCompressedForItsClients) {
    folder.write("page.html", page);
    folder.write("small.html", page.substr(0, 1023));
    folder.write("image.png", page);
    Plugin on = with("compress", Table{});
    const Answer answer = ask_for(on, "/page.html", "gzip");
    EXPECT_EQ(answer.field("Content-Encoding"), "gzip");
    EXPECT_EQ(unzip(answer.body), page);
    EXPECT_TRUE(answer.field("ETag").starts_with("W/\"")) << answer.field("ETag");
    EXPECT_EQ(answer.field("Vary"), "Accept-Encoding");
    const Answer plain = ask_for(on, "/page.html", "identity");
    EXPECT_EQ(plain.body, page);
    EXPECT_EQ(plain.field("Vary"), "Accept-Encoding");
    const std::string tag = answer.field("ETag");
    EXPECT_EQ(ask_for(on, "/page.html", "gzip", "If-None-Match: " + tag + "\r\n").status, 304);
    EXPECT_EQ(ask_for(on, "/page.html", "br", "If-None-Match: " + tag + "\r\n").status, 200);
    EXPECT_EQ(ask_for(on, "/page.html", "gzip", "If-Match: " + tag + "\r\n").status, 412) << "a weak tag";

    const Answer part = ask_for(on, "/page.html", "gzip", "Range: bytes=0-9\r\n");
    EXPECT_EQ(part.status, 206);
    EXPECT_EQ(part.body, page.substr(0, 10));
    EXPECT_EQ(part.fields.count("Content-Encoding"), 0u);
    for (const char* as_it_is : {"/small.html", "/image.png"}) {
        EXPECT_EQ(ask_for(on, as_it_is, "gzip").fields.count("Content-Encoding"), 0u) << as_it_is;
        EXPECT_EQ(ask_for(on, as_it_is, "gzip").fields.count("Vary"), 0u) << as_it_is;
    }
    folder.write("page.html", page + "more"); // what is kept is not sent for it
    EXPECT_EQ(unzip(ask_for(on, "/page.html", "gzip").body), page + "more");
}
