#include "config/plan_text.hpp"

#include "config/fingerprint.hpp"
#include "config/load.hpp"

#include <gtest/gtest.h>

#include <string>

namespace gatehouse::host {
namespace {

Config shown_config(const std::string& text) { return parse_config(text, "gatehouse.toml"); }

const std::string running_file = R"([process]
user = "www-data"
[tls.web]
certificate = "www.pem"
[plugins.db.config]
balance = "least"
[[plugins.db.config.servers]]
name = "db1"
address = "10.0.0.1:5432"
[plugins.old]
[[listeners]]
name = "web"
address = "*:443"
plugin = "http"
deny = ["192.0.2.1"]
[[listeners]]
name = "db"
address = "10.0.0.9:5432"
plugin = "db"
[[listeners]]
name = "ftp"
address = "*:21"
plugin = "ftp"
)";
const std::string next_file = R"([process]
user = "gatehouse"
[tls.web]
certificate = "www.pem"
[[tls.web.sni]]
certificate = "shop.pem"
[plugins.db.config]
balance = "first"
[[plugins.db.config.servers]]
name = "db3"
address = "10.0.0.3:5432"
[plugins.ftp]
[[listeners]]
name = "web"
address = "*:443"
plugin = "http"
max_connections = 20000
deny = ["192.0.2.2", "192.0.2.3", "192.0.2.4"]
[[listeners.routes]]
sni = ["a.example"]
plugin = "http"
[[listeners]]
name = "db"
address = "10.0.0.9:5433"
plugin = "db"
[[listeners]]
name = "admin"
address = "127.0.0.1:9901"
plugin = "http"
)";

TEST(PlanText, HasABlockForEachSectionThatChanges) {
    PlanNotes notes;
    notes.connections = {{"web", 1204}, {"db", 88}, {"ftp", 1}};
    notes.remarks = {{"listeners.admin", "free (tried)"}, {"plugins.http", "library 1.1.4 -> 1.2.0"}};
    notes.lines = {"1 order holds: db2 disabled by ops until 18:00"};
    EXPECT_EQ(plan_text(plan_of(shown_config(running_file), shown_config(next_file)), notes),
              R"(  web          keeps its socket, 1,204 connections stay
                 ~ max_connections  10000 -> 20000                        now
                 ~ deny             + 3 networks, - 1                     new connections
                 + routes.1         sni = ["a.example"], plugin = "http"  new connections
  db           new socket at 10.0.0.9:5433, 88 connections stay
                 ~ address  "10.0.0.9:5432" -> "10.0.0.9:5433"  the listening socket
  admin        NEW     127.0.0.1:9901; free (tried)
  ftp          CLOSED  *:21, 1 connection drains
  plugin db
                 ~ config.balance      "least" -> "first"                       new instance, for new connections
                 + config.servers.db3  address = "10.0.0.3:5432", name = "db3"  new instance, for new connections
                 - config.servers.db1  address = "10.0.0.1:5432", name = "db1"  new instance, for new connections
  plugin http  library 1.1.4 -> 1.2.0
  plugin old   GONE
  tls web
                 + sni.1  certificate = "shop.pem"  new connections
  [process]
                 ~ user  "www-data" -> "gatehouse"  needs a restart

  opens 2, closes 2, keeps 1 listener
  1 key waits for a restart; everything else does not
  1 order holds: db2 disabled by ops until 18:00
)");
    EXPECT_EQ(plan_text(plan_of(shown_config(running_file), shown_config(running_file))), "nothing changes\n");
}

TEST(PlanText, DoesNotShowSecrets) {
    Plan plan;
    plan.plugins.push_back({"db", SectionPlan::Fate::changed, {}, {}});
    plan.plugins[0].changes.push_back({.key = "config.password", .effect = KeyClass::instance, .secret = true});
    plan.plugins[0].changes.push_back({.kind = Change::Kind::added,
                                       .key = "config.users.1",
                                       .effect = KeyClass::instance,
                                       .fields = {{"name", "\"a\""}, {"password", ""}},
                                       .secret = true});
    const std::string text = plan_text(plan);
    EXPECT_NE(text.find("~ config.password  another secret  "), std::string::npos) << text;
    EXPECT_NE(text.find("+ config.users.1   name = \"a\", password = (secret)  "), std::string::npos) << text;
}

TEST(PlanJson, HasValuesWithTheirTypes) {
    const std::string json = plan_json(plan_of(shown_config(running_file), shown_config(next_file))).pretty();
    for (const char* const part :
         {R"("changes": true)", R"("socket": "moved")", R"("networks_added": 3)", R"("before": 10000)", R"("after": "first")",
          R"("sni": ["a.example"])", R"("class": "restart")", R"("keeps": 1)", R"("fate": "removed")"})
        EXPECT_NE(json.find(part), std::string::npos) << part;
    Plan odd;
    odd.log.push_back({.key = "a", .before = "1979-05-27", .after = "nan"});
    odd.log.push_back({.key = "b", .before = "", .after = "-1.5e-07"});
    const std::string text = plan_json(odd).pretty();
    for (const char* const part : {R"("1979-05-27")", R"("nan")", R"("before": null)", R"("after": -1.5e-07)"})
        EXPECT_NE(text.find(part), std::string::npos) << part;
}

TEST(PlanId, IsOfTheGenerationAndOfWhatTheFileSays) {
    EXPECT_EQ(plan_id(7, shown_config(next_file)), "7-" + fingerprint(shown_config("# a comment\n" + next_file)).substr(0, 8));
    EXPECT_NE(plan_id(7, shown_config(next_file)), plan_id(7, shown_config(running_file)));
}

} // namespace
} // namespace gatehouse::host
