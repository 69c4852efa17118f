// Answers of HTTP/1.1: whole ones, and ones whose length is not known when they begin.
#pragma once

#include "../http/output.hpp"

#include <string_view>

namespace admin {

class Answer {
  public:
    // `version`: of the request, 10 or 11. `head_only`: no content is sent. `keep_alive`: the connection is to go on.
    Answer(http::Output& output, int version, bool head_only, bool keep_alive) noexcept
        : output_(output), version_(version), head_only_(head_only), keep_alive_(keep_alive) {}

    // A whole one; `more`: further fields, each with its CRLF.
    void whole(int status, std::string_view type, std::string_view content, std::string_view more = "");

    // One in pieces: begin(), piece() as often as there is one, end(). To a client of HTTP/1.0 its end is the connection's.
    void begin(std::string_view type);
    gatehouse::Status piece(std::string_view text); // failed: nobody needs more
    void end();
    void give_up() noexcept { keep_alive_ = false; } // the client sees that the end is missing

    bool keep_alive() const noexcept { return keep_alive_; }

  private:
    void head(int status, std::string_view type);

    http::Output& output_;
    const int version_;
    const bool head_only_;
    bool keep_alive_;
    bool chunked_ = false;
};

} // namespace admin
