// Files of maps: whatever stands in them, what is taken is found again, and edits change one name alone.
#include "base/text_file.hpp"
#include "fuzz.hpp"
#include "maps/map_edits.hpp"
#include "net/name_map.hpp"

#include <string>
#include <vector>

using namespace gatehouse::host;
using gatehouse::fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string text(reinterpret_cast<const char*>(data), size);
    std::string problem;
    if (!normalise_text(text, problem)) return 0;
    std::vector<std::string> wrong;
    const NameMap map(text, wrong);
    require(wrong.size() <= 10);
    for (const NameMap::Entry& entry : map.entries()) {
        require(map.exact(entry.name) == &entry && map.find(ServerName(entry.name)) != nullptr);
        require(problem_of_map_value(entry.value).empty() && entry.line > 0);
        if (entry.name.starts_with("*.")) {
            const std::string below = "a.b" + std::string(entry.name.substr(1));
            require(below.size() > ServerName::longest || map.find(ServerName(below)) != nullptr);
        }
    }
    // What any client may ask for.
    const NameMap::Entry* const found = map.find(ServerName(text));
    require(found == nullptr || fits_route_name(found->name, ServerName(text)));
    if (!wrong.empty()) return 0;
    const std::string name = "added.example";
    const NameMap with(with_name(text, map, name, "10.0.0.1:1"), wrong);
    require(wrong.empty() && with.exact(name) != nullptr && with.exact(name)->value == "10.0.0.1:1");
    const NameMap without(without_name(with_name(text, map, name, "a=b"), with, name), wrong);
    require(wrong.empty() && without.exact(name) == nullptr);
    require(without.entries().size() + (map.exact(name) != nullptr ? 1 : 0) == map.entries().size());
    return 0;
}
