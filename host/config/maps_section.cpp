#include "config/maps_section.hpp"

#include "config/values.hpp"
#include "net/name_map.hpp"

namespace gatehouse::host {

std::vector<MapConfig> read_maps(ConfigTable table) {
    constexpr std::string_view refuse = "refuse";
    std::vector<MapConfig> maps;
    for (const std::string& name : table.keys()) {
        check_section_name(table, name);
        ConfigTable section = table.table(name);
        MapConfig map;
        map.name = name;
        map.where = section.place();
        map.file_where = section.place("file");
        map.otherwise_where = section.place("default");
        if (!read_path(section, "file", map.file) && !section.has("file"))
            section.missing("file", "a file with a name and its value on each line");
        std::string_view otherwise = refuse;
        section.describe("default", [&](ConfigKey& of) { of.fallback = "\"refuse\""; });
        if (read_text(section, "default", otherwise) && otherwise != refuse) {
            map.otherwise = otherwise;
            if (const std::string problem = problem_of_map_value(otherwise); !problem.empty())
                section.reject("default", problem);
        }
        section.reject_unknown();
        maps.push_back(std::move(map));
    }
    return maps;
}

} // namespace gatehouse::host
