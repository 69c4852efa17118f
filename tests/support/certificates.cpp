#include "certificates.hpp"

#include "gatehouse.hpp"

namespace gatehouse::support {

void Certificates::make(const std::string& name, const std::vector<std::string>& names) const {
    std::vector<std::string> arguments{GATEHOUSE_BUILD_DIR "/bin/gatehouse", "dev-cert", dir_.path().string()};
    arguments.insert(arguments.end(), names.begin(), names.end());
    const Result result = run(arguments);
    if (result.status != 0) throw std::runtime_error("dev-cert: " + result.err);
    std::filesystem::rename(dir_ / "key.pem", dir_ / (name + ".key"));
    std::filesystem::rename(dir_ / "cert.pem", dir_ / (name + ".pem"));
}

std::string Certificates::section(std::string_view name, std::string_view more) const {
    const std::string base = dir_ / name;
    return "[tls." + std::string(name) + "]\ncertificate = \"" + base + ".pem\"\nkey = \"" + base + ".key\"\n" +
           std::string(more) + "\n";
}

} // namespace gatehouse::support
