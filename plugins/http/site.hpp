// Sites: a document root with its rules, and which one a request is for.
#pragma once

#include "compressed_files.hpp"
#include "content_type.hpp"
#include "document_root.hpp"
#include "login.hpp"
#include "path_pattern.hpp"
#include "request.hpp"

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace http {

// What caches may do with files that match.
struct CacheRule {
    PathPattern path;
    std::string cache_control;    // the field's value; empty: none
    std::chrono::seconds expires; // after the answer's date; 0: there is no such field
};

struct Redirect {
    PathPattern from;
    std::string to; // a path or a URL; "*" stands for what the one of `from` does
    int status;
};

// Constant after construction, as are all of these.
struct Site {
    std::unique_ptr<const DocumentRoot> root; // null: it has redirects only
    std::string index;                        // the file that stands for its folder
    bool lists_folders;
    std::vector<CacheRule> cache; // the first one that matches a file holds
    std::vector<Redirect> redirects;
    std::map<int, std::string> error_pages; // files by status
    std::string fallback;                   // the file that stands for those that there are none of; empty: none does
    std::unique_ptr<const Login> login;     // null: everybody may see it

    // Where a request for a path is sent instead, and with which status; the path begins with a slash. Nothing: nowhere.
    struct Elsewhere {
        std::string location;
        int status;
    };
    std::optional<Elsewhere> elsewhere(std::string_view path, std::string_view query) const;
};

// Whether a text can be the `to` of a redirect: a path, or a URL of http or https in whose host no "*" stands.
bool is_redirect_target(std::string_view text) noexcept;

// Sites by the name of the host.
class Sites {
  public:
    // `name`: "a.example", or "*.a.example" for all names that end like this. False: another site has it.
    bool add_name(std::string_view name, const Site& site);
    void add(std::unique_ptr<const Site> site) { all_.push_back(std::move(site)); }
    void set_default(std::unique_ptr<const Site> site) { default_ = std::move(site); }

    // The site that a request is for: that of its whole host, then that of the longest end, then the default. Null: there is
    // none.
    const Site* find(const Request& request) const;

  private:
    std::vector<std::unique_ptr<const Site>> all_;
    std::unique_ptr<const Site> default_;
    std::map<std::string, const Site*, std::less<>> names_; // in lower case; those for ends begin with a dot
};

// What all sites of an instance share.
struct Serving {
    Sites sites;
    ContentTypes types;
    std::string cache_control; // where no rule of the site matches; empty: none
    std::string boundary;      // between the parts of a multipart answer; random, so that no file contains it
    bool precompressed;        // files may have compressed ones beside them
    std::unique_ptr<const CompressedFiles> compressed; // null: the plugin compresses nothing
};

} // namespace http
