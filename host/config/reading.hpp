// What the readers of one configuration share.
#pragma once

#include "config/document.hpp"
#include "config/key.hpp"
#include "config/problems.hpp"

#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace gatehouse::host {

struct ConfigReading {
    explicit ConfigReading(std::shared_ptr<ConfigDocument> all) : document(std::move(all)), problems(document->files) {}

    const std::shared_ptr<ConfigDocument> document; // not null
    ConfigProblems problems;
    std::optional<std::vector<ConfigKey>> keys; // if there is a list, tables add to it what is asked for; see config_keys()
};

} // namespace gatehouse::host
