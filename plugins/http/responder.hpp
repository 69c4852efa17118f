// Answers requests with the files of a document root: RFC 9110 §8, §13, §14 and §15.
#pragma once

#include "conditional.hpp"
#include "content_type.hpp"
#include "document_root.hpp"
#include "output.hpp"
#include "range.hpp"
#include "request.hpp"

#include <cstdint>
#include <ctime>
#include <span>
#include <string>
#include <string_view>

namespace http {

struct Path;

// Constant after construction.
struct Site {
    DocumentRoot root;
    std::string index; // the file that stands for its folder
    ContentTypes types;
    std::string cache_control; // the field's value; empty: none
    std::string boundary;      // between the parts of a multipart answer; random, so that no file contains it
};

// Lives as long as the requests of one read: the time is taken once.
class Responder {
  public:
    Responder(const Site& site, Output& output) noexcept;

    // `keep_alive`: the connection stays open afterwards.
    void answer(const Request& request, bool keep_alive);

    // The answer to a problem; the caller closes the connection afterwards.
    void refuse(const Problem& problem);

  private:
    // How the answer is framed.
    struct Framing {
        bool keep_alive;
        bool old_version; // HTTP/1.0: an answer has to say that the connection stays open
        bool head_only;
    };
    struct Answer; // a file, and how to send it

    void send_error(int status, std::string_view detail, const Framing& framing, std::string_view more_fields = {});
    void redirect_to_directory(const Path& path, const Framing& framing);
    void send(const Request& request, const Answer& answer);
    void send_whole(const Answer& answer);
    void send_part(const Answer& answer, const ByteRange& range);
    void send_parts(const Answer& answer, std::span<const ByteRange> ranges);

    void content(const Answer& answer, std::uint64_t offset, std::uint64_t length);
    void begin_head(int status);
    void field(std::string_view name, std::string_view value);
    void length_field(std::uint64_t length);
    void validators(const Answer& answer);
    void end_head(const Framing& framing);

    const Site& site_;
    Output& output_;
    std::timespec now_; // from before the files are looked at
};

} // namespace http
