#include "site_config.hpp"
#include "grammar.hpp"

#include <algorithm>
#include <exception>
#include <random>
#include <utility>

namespace http {

namespace {

using gatehouse::Config;

std::string random_boundary() {
    static constexpr std::string_view digits = "0123456789abcdef";
    std::random_device random;
    std::string text;
    for (int i = 0; i < 32; ++i) text.push_back(digits[random() % digits.size()]);
    return text;
}

// RFC 9110 §5.5: visible characters, blanks and obs-text.
bool is_field_value(std::string_view text) noexcept {
    for (const char c : text)
        if ((static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f) return false;
    return true;
}

std::string read_field_value(const Config& config, std::string_view key) {
    std::string value = config.string(key);
    if (!is_field_value(value)) config.reject(key, "has to be one line of text");
    return value;
}

PathPattern read_pattern(const Config& config, std::string_view key) {
    const auto pattern = PathPattern::parse(config.string(key));
    if (!pattern) config.reject(key, "has to be a path such as \"/assets/*\", with one \"*\" at most");
    return pattern.value_or(PathPattern());
}

// The path of a file beneath the root, without the slash in front.
std::string read_file_path(const Config& config, std::string_view key) {
    std::string path = config.string(key);
    path.erase(0, std::min(path.find_first_not_of('/'), path.size()));
    if (path.empty() || path.ends_with('/')) config.reject(key, "has to be the path of a file, such as \"/404.html\"");
    return path;
}

ContentTypes read_types(const Config& config) {
    std::vector<ContentTypes::Rule> rules;
    for (const Config& item : config.items("types")) {
        ContentTypes::Rule& rule = rules.emplace_back(item.string("type"));
        if (!is_media_type(rule.type)) item.reject("type", "has to be a media type such as \"text/html; charset=utf-8\"");
        for (const Config& value : item.items("extensions")) {
            rule.extensions.push_back(value.string(""));
            const std::string& extension = rule.extensions.back();
            if (extension.empty() || extension.size() > ContentTypes::longest_extension ||
                extension.find_first_of("./") != std::string::npos)
                item.reject("extensions", "have to be names without a dot, such as \"html\", of up to " +
                                              std::to_string(ContentTypes::longest_extension) + " bytes");
        }
    }
    std::string other = config.string("default_type");
    if (!is_media_type(other)) config.reject("default_type", "has to be a media type such as \"text/plain\"");
    const std::string charset = config.string("charset");
    if (!charset.empty() && !is_token(charset)) config.reject("charset", "has to be a name such as \"utf-8\"");
    return {rules, std::move(other), charset};
}

std::unique_ptr<const CompressedFiles> read_compressed(const Config& config) {
    const auto table = config.table("compress");
    if (!table) return nullptr;
    CompressedFiles::Settings settings{.smallest = table->size("smallest"),
                                       .largest = table->size("largest"),
                                       .level = static_cast<int>(table->integer("level")),
                                       .types = {}};
    if (settings.largest < settings.smallest) table->reject("largest", "has to be at least `smallest`");
    for (const Config& item : table->items("types")) {
        settings.types.push_back(item.string(""));
        if (!is_media_type(settings.types.back()))
            item.reject("", "has to be a media type such as \"text/html\" or \"text/*\"");
    }
    if (settings.types.empty())
        settings.types = {"text/*",           "application/json",   "application/javascript", "application/manifest+json",
                          "application/wasm", "application/xml",    "application/rss+xml",    "application/atom+xml",
                          "image/svg+xml",    "application/ld+json"};
    return std::make_unique<const CompressedFiles>(std::move(settings));
}

std::unique_ptr<const DocumentRoot> read_root(const Config& config) {
    const std::string path = config.string("root");
    if (path.empty()) return nullptr;
    try {
        return std::make_unique<const DocumentRoot>(path);
    } catch (const std::exception& error) {
        config.reject("root", error.what());
        throw;
    }
}

Redirect read_redirect(const Config& config) {
    Redirect redirect{read_pattern(config, "from"), config.string("to"), static_cast<int>(config.integer("status"))};
    if (!is_redirect_target(redirect.to))
        config.reject("to", "has to be a path such as \"/new/*\" or a URL such as \"https://a.example/*\"");
    constexpr int known[] = {301, 302, 303, 307, 308};
    if (std::ranges::find(known, redirect.status) == std::end(known))
        config.reject("status", "has to be 301, 302, 303, 307 or 308");
    return redirect;
}

std::unique_ptr<const Login> read_login(const gatehouse::Init& init, const Config& config) {
    const auto table = config.table("auth");
    if (!table) return nullptr;
    passwords::Users users;
    const std::string file = table->string("users_file");
    if (const auto text = init.text_file(*table, "users_file")) {
        if (const std::string problem = users.add_lines(*text); !problem.empty())
            table->reject("users_file", file + ", " + problem);
        else if (users.empty())
            table->reject("users_file", file + ": it has no users");
    }
    const std::string realm = table->string("realm");
    if (!is_field_value(realm) || realm.find_first_of("\"\\") != std::string::npos)
        table->reject("realm", "has to be one line of text without quotes and backslashes");
    std::vector<PathPattern> paths;
    for (const Config& item : table->items("paths")) paths.push_back(read_pattern(item, ""));
    return std::make_unique<const Login>(std::move(users), realm, std::move(paths));
}

std::unique_ptr<const Site> read_site(const gatehouse::Init& init, const Config& config) {
    auto site = std::make_unique<Site>();
    site->index = config.string("index");
    if (site->index.empty() || site->index == "." || site->index == ".." || site->index.find('/') != std::string::npos)
        config.reject("index", "has to be the plain name of a file");
    site->lists_folders = config.boolean("listing");
    for (const Config& item : config.items("cache"))
        site->cache.push_back({read_pattern(item, "path"), read_field_value(item, "cache_control"),
                               std::chrono::duration_cast<std::chrono::seconds>(item.duration("expires"))});
    for (const Config& item : config.items("errors"))
        site->error_pages[static_cast<int>(item.integer("status"))] = read_file_path(item, "file");
    if (!config.string("fallback").empty()) site->fallback = read_file_path(config, "fallback");
    for (const Config& item : config.items("redirects")) site->redirects.push_back(read_redirect(item));
    site->login = read_login(init, config);
    site->root = read_root(config);
    return site;
}

// What stands beside `sites` is the default site's, which is not there without a root: nobody is to believe that it guards the
// others.
void reject_without_site(const Config& config, const Site& site) {
    const std::pair<const char*, bool> given[] = {{"auth", site.login != nullptr},
                                                  {"listing", site.lists_folders},
                                                  {"cache", !site.cache.empty()},
                                                  {"errors", !site.error_pages.empty()},
                                                  {"fallback", !site.fallback.empty()}};
    for (const auto& [key, is_given] : given)
        if (is_given) config.reject(key, "without effect (expected `root` beside it, or the same in each of `sites`)");
}

Sites read_sites(const gatehouse::Init& init) {
    const Config& config = init.config();
    Sites sites;
    auto by_default = read_site(init, config);
    const std::vector<Config> items = config.items("sites");
    if (by_default->root || !by_default->redirects.empty())
        sites.set_default(std::move(by_default));
    else if (items.empty())
        config.reject("root", "missing (expected a folder such as \"/srv/www\", or `sites`)");
    else
        reject_without_site(config, *by_default);
    for (const Config& item : items) {
        auto site = read_site(init, item);
        if (!site->root && site->redirects.empty()) item.reject("root", "missing (expected a folder, or `redirects`)");
        for (const Config& value : item.items("hosts")) {
            const std::string name = value.string("");
            const std::string_view host = std::string_view(name).substr(name.starts_with("*.") ? 2 : 0);
            if (host.empty() || !is_host(host) || host.find('*') != std::string_view::npos)
                value.reject("", "has to be a name such as \"a.example\" or \"*.a.example\"");
            else if (!sites.add_name(name, *site))
                value.reject("", "is the name of another site, too");
        }
        sites.add(std::move(site));
    }
    return sites;
}

} // namespace

Serving read_serving(const gatehouse::Init& init) {
    const Config& config = init.config();
    return {.sites = read_sites(init),
            .types = read_types(config),
            .cache_control = read_field_value(config, "cache_control"),
            .boundary = random_boundary(),
            .precompressed = config.boolean("precompressed"),
            .compressed = read_compressed(config)};
}

} // namespace http
