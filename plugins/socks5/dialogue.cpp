#include "dialogue.hpp"

namespace socks5 {

Dialogue::State Dialogue::feed(std::string_view bytes, const Users& users, bool may_compute, std::string& answer) {
    input_ += bytes;
    while (true) {
        const Phase before = phase_;
        State state = State::incomplete;
        switch (phase_) {
        case Phase::greeting:
            state = greet(users, answer);
            break;
        case Phase::credentials:
            state = authenticate(users, may_compute, answer);
            break;
        case Phase::request:
            state = accept_request(answer);
            break;
        }
        if (state != State::incomplete || phase_ == before) return state;
    }
}

Dialogue::State Dialogue::greet(const Users& users, std::string& answer) {
    Greeting greeting;
    const Read read = parse(input_, greeting);
    if (read == Read::incomplete) return State::incomplete;
    const Method method = users.empty() ? Method::none : Method::password;
    if (read != Read::complete || greeting.methods.find(static_cast<char>(method)) == greeting.methods.npos) {
        answer += method_message(Method::unacceptable);
        return refuse(read != Read::complete ? "it does not speak SOCKS version 5"
                      : users.empty()        ? "it does not offer access without authentication"
                                             : "it does not offer user name and password");
    }
    answer += method_message(method);
    input_.erase(0, greeting.size);
    phase_ = users.empty() ? Phase::request : Phase::credentials;
    return State::incomplete;
}

Dialogue::State Dialogue::authenticate(const Users& users, bool may_compute, std::string& answer) {
    Credentials credentials;
    const Read read = parse(input_, credentials);
    if (read == Read::incomplete) return State::incomplete;
    if (read == Read::complete && !may_compute && users.computes(credentials.name)) return State::login;
    const bool right = read == Read::complete && users.verify(credentials.name, credentials.password);
    answer += authentication_message(right);
    if (read == Read::complete) user_ = credentials.name;
    if (!right) return refuse(read == Read::complete ? "wrong user name or password" : "its authentication is malformed");
    input_.erase(0, credentials.size);
    phase_ = Phase::request;
    return State::incomplete;
}

Dialogue::State Dialogue::refuse_login(std::string& answer) {
    answer += authentication_message(false);
    return refuse("too many logins wait to be checked");
}

Dialogue::State Dialogue::accept_request(std::string& answer) {
    const auto refuse_with = [&](Reply reply, std::string_view why) {
        answer += reply_message(reply);
        return refuse(why);
    };
    switch (parse(input_, request_)) {
    case Read::incomplete:
        return State::incomplete;
    case Read::unknown_address_type:
        return refuse_with(Reply::address_type_not_supported, "its request has an unknown address type");
    case Read::wrong_version:
    case Read::malformed:
        return refuse_with(Reply::general_failure, "its request is malformed");
    case Read::complete:
        break;
    }
    input_.erase(0, request_.size);
    if (request_.command == Command::connect) return State::requested;
    return refuse_with(Reply::command_not_supported, request_.command == Command::bind ? "BIND is not supported"
                                                     : request_.command == Command::udp_associate
                                                         ? "UDP ASSOCIATE is not supported"
                                                         : "its command is unknown");
}

void Dialogue::release() noexcept {
    for (std::string* text : {&input_, &user_, &request_.name}) std::string().swap(*text);
}

} // namespace socks5
