#include "abi/status.hpp"

#include <cerrno>

namespace gatehouse::host {

gatehouse_status status_of_errno(int error) noexcept {
    switch (error) {
    case ECONNREFUSED:
    case EACCES:
    case EPERM:
    case ENOENT:
        return GATEHOUSE_REFUSED; // ENOENT: a unix socket that is not there
    case ETIMEDOUT:
        return GATEHOUSE_TIMEOUT;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
    case EADDRNOTAVAIL: // no local port left
    case EAGAIN:
        return GATEHOUSE_EXHAUSTED; // EAGAIN: the backlog of a unix socket is full
    case ENETUNREACH:
    case EHOSTUNREACH:
        return GATEHOUSE_UNREACHABLE;
    default:
        return GATEHOUSE_FAILED;
    }
}

gatehouse_status status_of(Lookup lookup) noexcept {
    switch (lookup) {
    case Lookup::found:
        return GATEHOUSE_OK;
    case Lookup::not_found:
        return GATEHOUSE_NOT_FOUND;
    case Lookup::timeout:
        return GATEHOUSE_TIMEOUT;
    case Lookup::invalid:
        return GATEHOUSE_INVALID;
    case Lookup::failed:
        break;
    }
    return GATEHOUSE_FAILED;
}

} // namespace gatehouse::host
