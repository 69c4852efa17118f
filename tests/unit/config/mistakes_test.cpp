// Mistakes as people make them, and what each is told: the cause, and the cure.
#include "config/load.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace gatehouse::host {
namespace {

const std::string listener = "[[listeners]]\nname = \"a\"\naddress = \"127.0.0.1:7007\"\nplugin = \"echo\"\n";

struct Mistake {
    std::string name;
    std::string text;
    std::string message; // behind the file's name
};

const std::vector<Mistake> mistakes{
    {"duration_bare", listener + "idle_timeout = 5m\n", "5:17: syntax error: 5m needs quotes (expected \"5m\")"},
    {"duration_ms_bare", listener + "idle_timeout = 1500ms\n", "5:20: syntax error: 1500ms needs quotes (expected \"1500ms\")"},
    {"size_bare", listener + "receive_buffer = 64KiB\n", "5:20: syntax error: 64KiB needs quotes (expected \"64KiB\")"},
    {"word_bare", listener + "when_full = refuse\n", "5:13: syntax error: refuse needs quotes (expected \"refuse\")"},
    {"plugin_bare", "[[listeners]]\nname = \"a\"\naddress = \"127.0.0.1:7007\"\nplugin = echo\n",
     "4:10: syntax error: echo needs quotes (expected \"echo\")"},
    {"address_bare", "[[listeners]]\nname = \"a\"\naddress = 127.0.0.1:7007\nplugin = \"echo\"\n",
     "3:13: syntax error: 127.0.0.1:7007 needs quotes (expected \"127.0.0.1:7007\")"},
    {"address_port_bare", "[[listeners]]\nname = \"a\"\naddress = :7007\nplugin = \"echo\"\n",
     "3:11: syntax error: :7007 needs quotes (expected \":7007\")"},
    {"address_v6_bare", "[[listeners]]\nname = \"a\"\naddress = [::1]:7007\nplugin = \"echo\"\n",
     "3:12: syntax error: [::1]:7007 needs quotes (expected \"[::1]:7007\")"},
    {"path_bare", "[log]\nfile = /var/log/gatehouse.log\n" + listener,
     "2:8: syntax error: /var/log/gatehouse.log needs quotes (expected \"/var/log/gatehouse.log\")"},
    {"path_relative_bare", "[host]\nplugin_path = ./plugins\n" + listener,
     "2:15: syntax error: ./plugins needs quotes (expected \"./plugins\")"},
    {"network_bare", listener + "allow = [10.0.0.0/8]\n",
     "5:14: syntax error: 10.0.0.0/8 needs quotes (expected \"10.0.0.0/8\")"},
    {"network_second_bare", listener + "allow = [\"10.0.0.0/8\", 192.0.2.1]\n",
     "5:29: syntax error: 192.0.2.1 needs quotes (expected \"192.0.2.1\")"},
    {"inline_bare", listener + "rate = { connections = 5, per = 1m }\n",
     "5:34: syntax error: 1m needs quotes (expected \"1m\")"},
    {"percent", listener + "backlog = 50%\n", "5:13: syntax error: 50% needs quotes (expected \"50%\")"},
    {"octal_bare", "[[listeners]]\nname = \"a\"\naddress = \"unix:/run/a\"\nplugin = \"echo\"\nmode = 0660\n",
     "5:12: syntax error: 0660 begins with a zero (expected \"0660\", in quotes, or a number without it)"},
    {"date_bare", listener + "idle_timeout = 00:05:00\n",
     "5:16: listeners.idle_timeout: wrong type: time (expected a duration such as \"1500ms\", \"30s\", \"5m\", \"2h\" or "
     "\"1d\")"},
    {"true_capital", listener + "nodelay = True\n", "5:11: syntax error: True needs small letters (expected true)"},
    {"false_capitals", listener + "nodelay = FALSE\n", "5:11: syntax error: FALSE needs small letters (expected false)"},
    {"yes", listener + "nodelay = yes\n",
     "5:11: syntax error: yes is no value (expected true, or \"yes\" if the key takes that word)"},
    {"off", "[process]\nseccomp = off\n" + listener,
     "2:11: syntax error: off is no value (expected false, or \"off\" if the key takes that word)"},
    {"none", "[log]\nfile = none\n" + listener, "2:9: syntax error: none is no value (leave file out, or write \"none\")"},
    {"variable", "[log]\nfile = $LOG\n" + listener, "2:8: syntax error: $LOG needs quotes (expected \"${LOG}\")"},
    {"variable_braces", "[log]\nfile = ${LOG}\n" + listener, "2:8: syntax error: ${LOG} needs quotes (expected \"${LOG}\")"},
    {"variable_in_array", listener + "allow = [$NET]\n", "5:10: syntax error: $NET needs quotes (expected \"${NET}\")"},
    {"variable_without_braces", listener + "idle_timeout = \"$IDLE\"\n",
     "5:16: listeners.idle_timeout: \"$IDLE\" is not a whole number with a unit (expected a duration such as \"1500ms\", "
     "\"30s\", "
     "\"5m\", \"2h\" or \"1d\"; did you mean \"${IDLE}\"?)"},
    {"variable_in_address", "[[listeners]]\nname = \"a\"\naddress = \"127.0.0.1:$PORT\"\nplugin = \"echo\"\n",
     "3:11: listeners.address: \"$PORT\" is not a port (expected a number from 0 to 65535; did you mean "
     "\"127.0.0.1:${PORT}\"?)"},
    {"variable_in_table", "[log]\nlevel = { env = \"LEVEL\" }\n" + listener,
     "2:9: log.level: wrong type: table (expected \"debug\", \"info\", \"warning\" or \"error\")"},
    {"variable_in_table_for_text", "[log]\nfile = { env = \"LOG\" }\n" + listener,
     "2:8: log.file: wrong type: table (expected a string; \"${NAME}\" has a variable's value)"},
    {"variable_open", "[log]\nfile = \"${LOG\"\n" + listener,
     "2:8: log.file: \"${LOG\" has no } (expected ${NAME} or ${NAME:-default}; $${ stands for ${ itself)"},
    {"variable_shell_default", "[log]\nfile = \"${LOG-x}\"\n" + listener,
     "2:8: log.file: \"${LOG-x}\" is more than a variable's name (expected ${LOG}, or ${LOG:-default})"},
    {"secret_with_more", "[log]\nfile = { file = \"x\", mode = 1 }\n" + listener,
     "2:8: log.file: wrong type: table (expected a string, or { file = \"PATH\" } alone)"},
    {"include_in_section", "[host]\ninclude = [\"sites/*.toml\"]\n" + listener,
     "2:1: host.include: unknown key (expected it at the top of the file, before the first section)"},
    {"include_section", "[include]\nfiles = \"x\"\n" + listener,
     "1:1: include: wrong type: table (expected a file's name, or an array of them such as [\"sites/*.toml\"])"},
    {"include_sections", "[[include]]\nfile = \"x\"\n" + listener, "1:1: include: wrong type: table (expected a file's name)"},
    {"include_blank", "include \"x.toml\"\n" + listener,
     "1:9: syntax error: there is no = behind the key (expected include = ...)"},
    {"include_misspelt", "includes = [\"x.toml\"]\n" + listener, "1:1: includes: unknown key (did you mean \"include\"?)"},
    {"quote_open", "[log]\nlevel = \"info\n" + listener,
     "2:14: syntax error: the text that \" begins does not end on this line (expected the same quote at its end)"},
    {"quote_close_missing_single", "[log]\nlevel = 'info\n" + listener,
     "2:14: syntax error: the text that ' begins does not end on this line (expected the same quote at its end)"},
    {"quotes_mixed", "[log]\nlevel = 'info\"\n" + listener,
     "2:15: syntax error: the text that ' begins does not end on this line (expected the same quote at its end)"},
    {"quote_missing_first", "[log]\nlevel = info\"\n" + listener,
     "2:12: syntax error: the text has no quote at its beginning (expected \"info\")"},
    {"quotes_typographic", "[log]\nlevel = “info”\n" + listener,
     "2:9: syntax error: “ is no quote that TOML knows (expected \" or ')"},
    {"quotes_single_typographic", "[log]\nlevel = ‘info’\n" + listener,
     "2:9: syntax error: ‘ is no quote that TOML knows (expected \" or ')"},
    {"backslash", "[log]\nfile = \"C:\\logs\\gatehouse.log\"\n" + listener,
     "2:12: syntax error: a backslash in \"...\" begins an escape (expected '...', where it is a backslash)"},
    {"backslash_regex", listener + "idle_timeout = \"\\d\"\n",
     "5:18: syntax error: a backslash in \"...\" begins an escape (expected '...', where it is a backslash)"},
    {"text_twice", "[log]\nlevel = \"info\" \"debug\"\n" + listener,
     "2:16: syntax error: \"debug\" stands behind the value (expected one value, and nothing else)"},
    {"comma_list", "[host]\nplugin_path = \"a\", \"b\"\n" + listener,
     "2:18: syntax error: several values need brackets (expected plugin_path = [\"a\", \"b\"])"},
    {"trailing_comma", "[log]\nlevel = \"info\",\n" + listener,
     "2:15: syntax error: , stands behind the value (expected one value, and nothing else)"},
    {"trailing_semicolon", "[log]\nlevel = \"info\";\n" + listener,
     "2:15: syntax error: ; stands behind the value (expected one value, and nothing else)"},
    {"number_semicolon", listener + "backlog = 5;\n",
     "5:12: syntax error: the ; does not belong there (expected one value, and nothing else)"},
    {"number_comma", listener + "backlog = 1,024\n",
     "5:12: syntax error: a number has no commas and no blanks (expected 1024)"},
    {"number_blank", listener + "backlog = 1 024\n",
     "5:13: syntax error: a number has no commas and no blanks (expected 1024)"},
    {"colon", "[log]\nlevel: \"info\"\n" + listener,
     "2:6: syntax error: a key and its value are joined by = (expected level = ...)"},
    {"no_equals", "[log]\nlevel \"info\"\n" + listener,
     "2:7: syntax error: there is no = behind the key (expected level = ...)"},
    {"key_alone", "[log]\nlevel\n" + listener, "2:6: syntax error: there is no = behind the key (expected level = ...)"},
    {"key_blank", listener + "max connections = 5\n",
     "5:5: syntax error: the key \"max connections\" has a blank in it (expected max_connections)"},
    {"no_key", listener + "= 5\n", "5:1: syntax error: there is no key before the = (expected KEY = VALUE)"},
    {"no_value", listener + "backlog =\n", "5:10: syntax error: backlog has no value"},
    {"no_value_comment", listener + "backlog = # later\n", "5:11: syntax error: backlog has no value"},
    {"double_equals", listener + "backlog == 5\n", "5:10: syntax error: one = is enough (expected KEY = VALUE)"},
    {"arrow", listener + "backlog => 5\n", "5:10: syntax error: one = is enough (expected KEY = VALUE)"},
    {"colon_equals", listener + "backlog := 5\n",
     "5:9: syntax error: a key and its value are joined by = alone (expected KEY = VALUE)"},
    {"key_umlaut", listener + "größe = 5\n",
     "5:3: syntax error: the key \"größe\" has other characters than letters, digits, - and _"},
    {"key_twice", listener + "backlog = 5\nnodelay = true\nbacklog = 6\n",
     "7:11: syntax error: backlog is in line 5 already (expected it once)"},
    {"key_twice_dotted", listener + "threads.min = 1\nthreads = { max = 3 }\n",
     "6:11: syntax error: threads.min is in line 5 already (expected the whole table in one place)"},
    {"key_dollar", listener + "$backlog = 5\n",
     "5:1: syntax error: the key \"$backlog\" has other characters than letters, digits, - and _"},
    {"section_open", "[log\nlevel = \"info\"\n" + listener,
     "1:5: syntax error: the brackets of the section do not match (expected [log] or [[log]])"},
    {"section_close_only", "log]\nlevel = \"info\"\n" + listener,
     "1:4: syntax error: the brackets of the section do not match (expected [log])"},
    {"section_braces", "{log}\nlevel = \"info\"\n" + listener,
     "1:1: syntax error: this is not TOML (expected sections such as [host], and KEY = VALUE in them)"},
    {"section_two_one", "[[listeners]\nname = \"a\"\n",
     "1:13: syntax error: the brackets of the section do not match (expected [listeners] or [[listeners]])"},
    {"section_one_two", "[listeners]]\nname = \"a\"\n",
     "1:12: syntax error: the brackets of the section do not match (expected [listeners] or [[listeners]])"},
    {"section_three", "[[[listeners]]]\nname = \"a\"\n",
     "1:3: syntax error: the brackets of the section do not match (expected [listeners] or [[listeners]])"},
    {"section_empty", "[]\nname = \"a\"\n", "1:2: syntax error: the section has no name (expected [NAME])"},
    {"section_blank", "[plugins.my web]\nlibrary = \"echo\"\n" + listener,
     "1:13: syntax error: the section's name \"plugins.my web\" has a blank in it (expected letters, digits, - and _)"},
    {"section_twice", "[log]\nlevel = \"info\"\n[log]\naccess = false\n" + listener,
     "3:1: syntax error: [log] is in line 1 already (expected it once, with all keys)"},
    {"section_twice_apart", "[log]\nlevel = \"info\"\n" + listener + "[log]\naccess = false\n",
     "7:1: syntax error: [log] is in line 1 already (expected it once, with all keys)"},
    {"listeners_one_bracket_twice",
     "[listeners]\nname = \"a\"\naddress = \"127.0.0.1:7007\"\nplugin = \"echo\"\n[listeners]\nname = \"b\"\naddress = "
     "\"127.0.0.1:7007\"\nplugin = \"echo\"\n",
     "5:1: syntax error: [listeners] is in line 1 already (expected two brackets each time: [[listeners]])"},
    {"listeners_one_then_two",
     "[listeners]\nname = \"a\"\naddress = \"127.0.0.1:7007\"\nplugin = \"echo\"\n[[listeners]]\nname = \"b\"\naddress = "
     "\"127.0.0.1:7007\"\nplugin = \"echo\"\n",
     "5:1: syntax error: [listeners] with one bracket is in line 1 (expected two each time: [[listeners]])"},
    {"listeners_two_then_one", listener + "[listeners]\nname = \"b\"\naddress = \"127.0.0.1:7007\"\nplugin = \"echo\"\n",
     "5:1: syntax error: [[listeners]] with two brackets is in line 1 (expected two each time)"},
    {"routes_one_bracket_twice",
     listener + "[listeners.routes]\nsni = \"a.example\"\nplugin = \"echo\"\n[listeners.routes]\nsni = \"b.example\"\nplugin = "
                "\"echo\"\n",
     "8:1: syntax error: [listeners.routes] is in line 5 already (expected two brackets each time: [[listeners.routes]])"},
    {"section_colon", "[log]:\nlevel = \"info\"\n" + listener,
     "1:6: syntax error: : stands behind the section's name (expected the name alone on its line)"},
    {"section_value", "[log] = 5\n" + listener,
     "1:7: syntax error: = 5 stands behind the section's name (expected the name alone on its line)"},
    {"array_open", listener + "allow = [\"10.0.0.0/8\"\n",
     "5:23: syntax error: the array that [ begins does not end (expected ])"},
    {"array_open_last", listener + "allow = [\"10.0.0.0/8\", \n",
     "5:25: syntax error: the array that [ begins does not end (expected ])"},
    {"array_comma_missing", listener + "allow = [\"10.0.0.0/8\" \"192.0.2.1\"]\n",
     "5:23: syntax error: there is no comma between two values (expected one)"},
    {"array_parentheses", listener + "allow = (\"10.0.0.0/8\")\n",
     "5:9: syntax error: an array has square brackets (expected [...])"},
    {"array_braces", listener + "allow = {\"10.0.0.0/8\"}\n",
     "5:22: syntax error: an array has square brackets (expected [...])"},
    {"table_lines", listener + "threads = {\n  min = 1\n}\n",
     "5:12: syntax error: the table that { begins does not end on this line (expected } on the same line, or a section)"},
    {"table_open", listener + "threads = { min = 1\n",
     "5:20: syntax error: the table that { begins does not end on this line (expected } on the same line, or a section)"},
    {"table_colon", listener + "threads = { min: 1 }\n",
     "5:16: syntax error: a key and its value are joined by = (expected { KEY = VALUE })"},
    {"table_semicolon", listener + "threads = { min = 1; max = 2 }\n",
     "5:20: syntax error: the ; does not belong there (expected a comma)"},
    {"table_trailing_comma", listener + "threads = { min = 1, }\n",
     "5:22: syntax error: the last comma does not belong in a table (expected none before })"},
    {"table_brackets", listener + "threads = [ min = 1 ]\n",
     "5:13: syntax error: a table has curly brackets (expected { KEY = VALUE })"},
    {"comment_slashes", "// the log\n[log]\n" + listener,
     "1:1: syntax error: a comment begins with # (expected # instead of //)"},
    {"comment_semicolon", "; the log\n[log]\n" + listener,
     "1:1: syntax error: a comment begins with # (expected # instead of ;)"},
    {"comment_behind", "[log]\nlevel = \"info\" // not debug\n" + listener,
     "2:16: syntax error: a comment begins with # (expected # instead of //)"},
    {"comment_dashes", "-- the log\n[log]\n" + listener,
     "1:4: syntax error: a comment begins with # (expected # instead of --)"},
    {"xml", "<log level=\"info\"/>\n" + listener,
     "1:1: syntax error: this is not TOML (expected sections such as [host], and KEY = VALUE in them)"},
    {"yaml_dash", "- name: a\n" + listener,
     "1:3: syntax error: this is not TOML (expected sections such as [host], and KEY = VALUE in them)"},
    {"json", "{ \"log\": { \"level\": \"info\" } }\n",
     "1:1: syntax error: this is not TOML (expected sections such as [host], and KEY = VALUE in them)"},
    {"nginx", "listen 80;\n" + listener, "1:8: syntax error: there is no = behind the key (expected listen = ...)"},
    {"tab_control", "[log]\nlevel = \"in\001fo\"\n" + listener,
     "2:12: syntax error in string: unescaped control characters other than TAB (U+0009) are explicitly prohibited"},
    {"array_lines", listener + "allow = [\n  10.0.0.0/8,\n]\n",
     "6:7: syntax error: 10.0.0.0/8 needs quotes (expected \"10.0.0.0/8\")"},
    {"array_lines_open", listener + "allow = [\n  \"10.0.0.0/8\"\nbacklog = 5\n",
     "7:1: syntax error: the array that begins in line 5 does not end (expected ])"},
    {"array_lines_open_section", listener + "allow = [\n  \"10.0.0.0/8\"\n[log]\n",
     "7:1: syntax error: the array that begins in line 5 does not end (expected ])"},
    {"array_lines_comma", listener + "allow = [\n  \"10.0.0.0/8\"\n  \"192.0.2.1\"\n]\n",
     "7:3: syntax error: there is no comma behind the value in line 6 (expected one)"},
    {"carriage_returns", "[log]\rlevel = \"info\"\r",
     "1:7: syntax error: a line ends with \\r alone (expected \\n, or \\r\\n)"},
    {"duration_number", listener + "idle_timeout = 30\n",
     "5:16: listeners.idle_timeout: \"30\" has no unit (expected a duration such as \"1500ms\", \"30s\", \"5m\", \"2h\" or "
     "\"1d\")"},
    {"duration_blank", listener + "idle_timeout = \"30 s\"\n",
     "5:16: listeners.idle_timeout: \"30 s\" has a blank before its unit (expected a duration such as \"1500ms\", \"30s\", "
     "\"5m\", \"2h\" or \"1d\")"},
    {"duration_sec", listener + "idle_timeout = \"30sec\"\n",
     "5:16: listeners.idle_timeout: \"30sec\" has the unknown unit \"sec\"; known ones are d, h, m, s, ms (expected a duration "
     "such as \"1500ms\", \"30s\", \"5m\", \"2h\" or \"1d\")"},
    {"duration_capital", listener + "idle_timeout = \"30S\"\n",
     "5:16: listeners.idle_timeout: \"30S\" has the unknown unit \"S\"; known ones are d, h, m, s, ms (expected a duration "
     "such as \"1500ms\", \"30s\", \"5m\", \"2h\" or \"1d\")"},
    {"duration_two", listener + "idle_timeout = \"1h30m\"\n",
     "5:16: listeners.idle_timeout: \"1h30m\" has more than one number (expected a duration such as \"1500ms\", \"30s\", "
     "\"5m\", \"2h\" or \"1d\")"},
    {"duration_fraction", listener + "idle_timeout = \"1.5h\"\n",
     "5:16: listeners.idle_timeout: \"1.5h\" is not a whole number with a unit (expected a duration such as \"1500ms\", "
     "\"30s\", \"5m\", \"2h\" or \"1d\")"},
    {"size_k", listener + "receive_buffer = \"64k\"\n",
     "5:18: listeners.receive_buffer: \"64k\" has the unknown unit \"k\"; known ones are GiB, MiB, KiB, GB, MB, KB, B "
     "(expected a size such as 512, \"64KiB\" or \"10MB\")"},
    {"size_kb", listener + "receive_buffer = \"64kb\"\n",
     "5:18: listeners.receive_buffer: \"64kb\" has the unknown unit \"kb\"; known ones are GiB, MiB, KiB, GB, MB, KB, B "
     "(expected a size such as 512, \"64KiB\" or \"10MB\")"},
    {"size_blank", listener + "receive_buffer = \"64 KiB\"\n",
     "5:18: listeners.receive_buffer: \"64 KiB\" has a blank before its unit (expected a size such as 512, \"64KiB\" or "
     "\"10MB\")"},
    {"bool_text", listener + "nodelay = \"true\"\n",
     "5:11: listeners.nodelay: wrong type: string (expected true or false, without quotes)"},
    {"number_text", listener + "backlog = \"1024\"\n",
     "5:11: listeners.backlog: wrong type: string (expected an integer from 1 to 65535, without quotes)"},
    {"list_text", listener + "allow = \"10.0.0.0/8\"\n",
     "5:9: listeners.allow: wrong type: string (expected an array of networks)"},
    {"level_warn", "[log]\nlevel = \"warn\"\n" + listener,
     "2:9: log.level: unknown value \"warn\" (expected \"debug\", \"info\", \"warning\" or \"error\"; did you mean "
     "\"warning\"?)"},
    {"level_capital", "[log]\nlevel = \"Info\"\n" + listener,
     "2:9: log.level: unknown value \"Info\" (expected \"debug\", \"info\", \"warning\" or \"error\"; did you mean \"info\"?)"},
    {"section_misspelt", "[hosts]\ndrain_timeout = \"5s\"\n" + listener, "1:2: hosts: unknown key (did you mean \"host\"?)"},
    {"listener_section", "[[listener]]\nname = \"a\"\naddress = \"127.0.0.1:7007\"\nplugin = \"echo\"\n",
     "1:1: listeners: missing (expected at least one [[listeners]] section, or host.control)\n1:3: listener: unknown key (did "
     "you mean "
     "\"listeners\"?)"},
    {"key_of_other_section", "[host]\nlevel = \"debug\"\n" + listener,
     "2:1: host.level: unknown key (known here: plugin_path, drain_timeout, drain_delay, old_timeout, watch, relay_threads, "
     "scheduling, "
     "stack_size, resolvers, "
     "control, control_readers, control_operators)"},
    {"key_before_sections", "drain_timeout = \"5s\"\n" + listener,
     "1:1: drain_timeout: unknown key (known here: include, host, process, log, tls, maps, plugins, listeners)"},
    {"key_dash", listener + "idle-timeout = \"5s\"\n",
     "5:1: listeners.idle-timeout: unknown key (did you mean \"idle_timeout\"?)"},
    {"key_capitals", listener + "Backlog = 5\n", "5:1: listeners.Backlog: unknown key (did you mean \"backlog\"?)"},
    {"address_url", "[[listeners]]\nname = \"a\"\naddress = \"tcp://127.0.0.1:7007\"\nplugin = \"echo\"\n",
     "3:11: listeners.address: \"tcp://127.0.0.1:7007\" is a URL (expected \"host:port\", without tcp://)"},
    {"address_port_only", "[[listeners]]\nname = \"a\"\naddress = \"7007\"\nplugin = \"echo\"\n",
     "3:11: listeners.address: \"7007\" has no host (expected \"127.0.0.1:7007\", or \"*:7007\" for every address)"},
    {"address_blank", "[[listeners]]\nname = \"a\"\naddress = \"127.0.0.1 7007\"\nplugin = \"echo\"\n",
     "3:11: listeners.address: \"127.0.0.1 7007\" has no port (expected \"host:port\", \"[IPv6]:port\", \"unix:/path\", "
     "\"unix:@name\" or \"fd:NAME\")"},
    {"address_range", "[[listeners]]\nname = \"a\"\naddress = \"127.0.0.1:7000-7010\"\nplugin = \"echo\"\n",
     "3:11: listeners.address: \"7000-7010\" is not a port (expected a number from 0 to 65535)"},
    {"address_path", "[[listeners]]\nname = \"a\"\naddress = \"/run/a.sock\"\nplugin = \"echo\"\n",
     "3:11: listeners.address: \"/run/a.sock\" is a path (expected \"unix:/run/a.sock\")"},
    {"address_v6_no_brackets", "[[listeners]]\nname = \"a\"\naddress = \"::1:7007\"\nplugin = \"echo\"\n",
     "3:11: listeners.address: an IPv6 address needs brackets and a port: \"[::1:7007]:PORT\""},
    {"address_leading_blank", "[[listeners]]\nname = \"a\"\naddress = \" 127.0.0.1:7007\"\nplugin = \"echo\"\n",
     "3:11: listeners.address: \" 127.0.0.1\" is not a host name or address (expected \"host:port\", \"[IPv6]:port\", "
     "\"unix:/path\", \"unix:@name\" or \"fd:NAME\")"},
    {"overlap_any",
     "[[listeners]]\nname = \"a\"\naddress = \"0.0.0.0:7007\"\nplugin = \"echo\"\n[[listeners]]\nname = \"b\"\naddress = "
     "\"[::]:7007\"\nplugin = \"echo\"\n",
     "7:11: listeners.address: \"[::]:7007\" and \"0.0.0.0:7007\" of the listener at x.toml:3:11 overlap (expected another "
     "port, or ipv6_only = true for the IPv6 one, which takes IPv4 clients too)"},
    {"overlap_one", listener + "[[listeners]]\nname = \"b\"\naddress = \"*:7007\"\nplugin = \"echo\"\n",
     "7:11: listeners.address: \"[::]:7007\" and \"127.0.0.1:7007\" of the listener at x.toml:3:11 overlap (expected another "
     "port, or ipv6_only = true for the IPv6 one, which takes IPv4 clients too)"},
    {"overlap_v4", listener + "[[listeners]]\nname = \"b\"\naddress = \"0.0.0.0:7007\"\nplugin = \"echo\"\n",
     "7:11: listeners.address: \"0.0.0.0:7007\" and \"127.0.0.1:7007\" of the listener at x.toml:3:11 overlap (expected "
     "another port, or one listener for both)"},
};

TEST(Mistakes, AreToldTheirCauseAndCure) {
    EXPECT_GE(mistakes.size(), 100U);
    for (const Mistake& mistake : mistakes) {
        try {
            parse_config(mistake.text, "x.toml");
            ADD_FAILURE() << mistake.name << " is taken";
        } catch (const ConfigError& error) {
            std::string said;
            for (const std::string& problem : problem_texts(error.problems()))
                said += (said.empty() ? "" : "\n") + problem.substr(std::string("x.toml:").size());
            EXPECT_EQ(said, mistake.message) << mistake.name;
        }
    }
}

} // namespace
} // namespace gatehouse::host
