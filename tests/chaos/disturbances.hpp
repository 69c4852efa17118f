// What goes wrong meanwhile. A disturbance is a function that takes a second or two, and has undone what it did when it
// returns.
#pragma once

#include "random.hpp"
#include "scene.hpp"

#include <span>

namespace gatehouse::chaos {

struct Disturbance {
    const char* name;
    void (*run)(Scene&, Random&);
    bool with_sanitizer = true; // whether a host with a sanitizer can bear it
};

// Of the host itself; two at a time, never the same one twice.
std::span<const Disturbance> disturbances_of_the_host();

// Of what is around it; one at a time. They start processes, so the thread that calls them must outlive the scene.
std::span<const Disturbance> disturbances_around_it();

} // namespace gatehouse::chaos
