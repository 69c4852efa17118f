// The operator's orders in an upgrade: what a host tells the one that takes its place. See handover/predecessor.hpp.
#pragma once

#include "access/denials.hpp"
#include "access/live_orders.hpp"
#include "handover/message.hpp"

#include <string>
#include <vector>

namespace gatehouse::host {

// The bytes of the messages that carry them. Throws std::bad_alloc or std::length_error. [main]
std::vector<std::string> order_letters(const Denials& denials);

// The same of the others. A host that knows none of them passes over what stands before the first network: so these go first.
// Throws std::bad_alloc or std::length_error. [main]
std::vector<std::string> live_order_letters(const LiveOrders& orders);
void take_live_orders(LiveOrders& orders, const HandoverMessage::Fields& told);

// Gives the orders that such messages have, one after the other, again; what is not understood, or is over, is passed over.
// Throws std::bad_alloc. [main]
void take_orders(Denials& denials, const HandoverMessage::Fields& told);

} // namespace gatehouse::host
