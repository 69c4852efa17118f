// Answers requests with the files of a document root: RFC 9110 §8, §13, §14 and §15.
#pragma once

#include "conditional.hpp"
#include "document_root.hpp"
#include "output.hpp"
#include "range.hpp"
#include "request.hpp"
#include "site.hpp"

#include <cstdint>
#include <ctime>
#include <span>
#include <string>
#include <string_view>

namespace http {

struct Path;

// Whether a client may see what it asks for.
enum class Access {
    granted,
    denied, // it has to say who it is
    busy,   // too many passwords are to be checked
    waits   // for a password to be checked: there is no answer yet
};

// Lives as long as the requests of one read: the time is taken once.
class Responder {
  public:
    Responder(const Serving& serving, Output& output) noexcept;

    // `site`: the one that the request is for; null: there is none. `keep_alive`: the connection stays open afterwards.
    void answer(const Request& request, const Site* site, Access access, bool keep_alive);

    // The answer to a problem; the caller closes the connection afterwards.
    void refuse(const Problem& problem);

  private:
    // How the answer is framed.
    struct Framing {
        bool keep_alive;
        bool old_version; // HTTP/1.0: an answer has to say that the connection stays open
        bool head_only;
    };
    struct Chosen; // the file that stands for a path, in the coding that is best for the client
    struct Answer; // it, and how to send it

    void serve(const Request& request, const Framing& framing);
    OpenResult choose(const Request& request, const std::string& name, Chosen& chosen) const;

    void send_error(int status, std::string_view detail, const Framing& framing, std::string_view more_fields = {});
    bool send_error_page(int status, const Framing& framing, std::string_view more_fields);
    void send_text(int status, std::string_view type, std::string_view text, const Framing& framing,
                   std::string_view more_fields);
    void redirect(std::string_view location, int status, const Framing& framing);
    void redirect_to_directory(const Path& path, const Framing& framing);
    void send_failure(OpenResult result, const Framing& framing);
    bool send_listing(const Request& request, const Path& path, const Framing& framing);
    void send(const Request& request, const Answer& answer);
    void send_whole(const Answer& answer);
    void send_part(const Answer& answer, const ByteRange& range);
    void send_parts(const Answer& answer, std::span<const ByteRange> ranges);

    void content(const Chosen& chosen, std::uint64_t offset, std::uint64_t length);
    void coding_field(const Chosen& chosen);
    void begin_head(int status);
    void field(std::string_view name, std::string_view value);
    void length_field(std::uint64_t length);
    void metadata(const Answer& answer);
    void cache_fields(std::string_view name);
    void end_head(const Framing& framing);

    const Serving& serving_;
    const Site* site_ = nullptr; // that the request is for
    Output& output_;
    std::timespec now_; // from before the files are looked at
};

} // namespace http
