// Says what the host knows of a connection's TLS, when it is asked with "?"; else it reads to the end and says how much there
// was.
#include <array>
#include <gatehouse/plugin.hpp>
#include <string>

struct Plugin {
    void serve(gatehouse::Connection& conn) {
        std::array<char, 4096> buffer{};
        std::size_t bytes = 0;
        auto chunk = conn.read(std::span<char>(buffer));
        for (; chunk; chunk = conn.read(std::span<char>(buffer))) {
            if (bytes == 0 && chunk->starts_with('?')) return answer(conn);
            bytes += chunk->size();
        }
        if (chunk.status() != GATEHOUSE_END) return;
        static_cast<void>(conn.write("bytes=" + std::to_string(bytes) + "\n"));
    }

    static void answer(gatehouse::Connection& conn) {
        std::string text;
        for (const auto& [name, fact] : {std::pair("version", GATEHOUSE_FACT_TLS_VERSION),
                                         {"cipher", GATEHOUSE_FACT_TLS_CIPHER},
                                         {"sni", GATEHOUSE_FACT_TLS_SNI},
                                         {"alpn", GATEHOUSE_FACT_TLS_ALPN},
                                         {"subject", GATEHOUSE_FACT_TLS_CLIENT_SUBJECT},
                                         {"sans", GATEHOUSE_FACT_TLS_CLIENT_SANS}})
            text += std::string(name) + '=' + std::string(conn.fact(fact)) + '\n';
        static_cast<void>(conn.write(text));
    }
};
GATEHOUSE_PLUGIN(Plugin, "fixture", "1.0")
