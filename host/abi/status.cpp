#include "abi/status.hpp"

namespace gatehouse::host {

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
