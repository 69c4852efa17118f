/*
 * The layout of the ABI on a 64-bit machine, in numbers: a table only grows at its end, so an entry that moves is a break that
 * no version number announces. This file is compiled as C99, C11 and (abi_layout.cxx) C++20.
 */
#include <gatehouse/ext/check.h>
#include <gatehouse/ext/control.h>
#include <gatehouse/ext/discovery.h>
#include <gatehouse/ext/sendfile.h>
#include <gatehouse/ext/text_file.h>
#include <gatehouse/ext/upstream.h>
#include <gatehouse/gatehouse.h>

#include <stdio.h>

static int failures = 0;

static void expect(const char* what, long long actual, long long expected) {
    if (actual == expected) return;
    printf("%s is %lld and should be %lld\n", what, actual, expected);
    ++failures;
}

#define VALUE(value, expected) expect(#value, (long long)(value), expected)
#define OFFSET(type, entry, expected) expect("offsetof(" #type ", " #entry ")", (long long)offsetof(type, entry), expected)

static void values(void) {
    VALUE(GATEHOUSE_ABI_MAJOR, 0);
    VALUE(GATEHOUSE_ABI_MINOR, 3);
    VALUE(GATEHOUSE_OK, 0);
    VALUE(GATEHOUSE_END, -1);
    VALUE(GATEHOUSE_TIMEOUT, -2);
    VALUE(GATEHOUSE_STOPPING, -3);
    VALUE(GATEHOUSE_RESET, -4);
    VALUE(GATEHOUSE_INVALID, -5);
    VALUE(GATEHOUSE_NOT_FOUND, -6);
    VALUE(GATEHOUSE_REFUSED, -7);
    VALUE(GATEHOUSE_EXHAUSTED, -8);
    VALUE(GATEHOUSE_UNSUPPORTED, -9);
    VALUE(GATEHOUSE_FAILED, -10);
    VALUE(GATEHOUSE_UNREACHABLE, -11);
    VALUE(GATEHOUSE_TIMER, -12);
    VALUE(GATEHOUSE_NEXT_CLOSE, 0);
    VALUE(GATEHOUSE_NEXT_PARK, 1);
    VALUE(GATEHOUSE_NEXT_RELAY, 2);
    VALUE(GATEHOUSE_NEXT_WAIT, 3);
    VALUE(GATEHOUSE_NEXT_ERROR, -1);
    VALUE(GATEHOUSE_NEXT_EXCEPTION, -2);
    VALUE(GATEHOUSE_NEXT_UPSTREAM, -3);
    VALUE(GATEHOUSE_MATCH_NO, 0);
    VALUE(GATEHOUSE_MATCH_YES, 1);
    VALUE(GATEHOUSE_MATCH_MORE, 2);
    VALUE(GATEHOUSE_EVENT_OPEN, 0);
    VALUE(GATEHOUSE_EVENT_DATA, 1);
    VALUE(GATEHOUSE_EVENT_WAKE, 2);
    VALUE(GATEHOUSE_EVENT_TIMEOUT, 3);
    VALUE(GATEHOUSE_EVENT_STOPPING, 4);
    VALUE(GATEHOUSE_EVENT_TIMER, 5);
    VALUE(GATEHOUSE_FACT_PEER, 1);
    VALUE(GATEHOUSE_FACT_LOCAL, 2);
    VALUE(GATEHOUSE_FACT_LISTENER, 3);
    VALUE(GATEHOUSE_FACT_INSTANCE, 4);
    VALUE(GATEHOUSE_LEVEL_DEBUG, 0);
    VALUE(GATEHOUSE_LEVEL_INFO, 1);
    VALUE(GATEHOUSE_LEVEL_WARNING, 2);
    VALUE(GATEHOUSE_LEVEL_ERROR, 3);
    VALUE(GATEHOUSE_SERVER_FIRST, 1);
    VALUE(sizeof(gatehouse_status), 4);
    VALUE(sizeof(gatehouse_next), 4);
    VALUE(sizeof(gatehouse_match), 4);
    VALUE(sizeof(gatehouse_event), 4);
    VALUE(sizeof(gatehouse_fact), 4);
    VALUE(sizeof(gatehouse_level), 4);
}

static void extensions(void) {
    OFFSET(gatehouse_check_request, size, 0);
    OFFSET(gatehouse_check_request, flags, 4);
    OFFSET(gatehouse_check_request, address, 8);
    OFFSET(gatehouse_check_request, send, 24);
    OFFSET(gatehouse_check_request, first_milliseconds, 40);
    OFFSET(gatehouse_check_request, interval_milliseconds, 48);
    OFFSET(gatehouse_check_request, jitter_milliseconds, 56);
    OFFSET(gatehouse_check_request, timeout_milliseconds, 64);
    OFFSET(gatehouse_check_request, data, 72);
    OFFSET(gatehouse_check_request, judge, 80);
    OFFSET(gatehouse_check_request, result, 88);
    OFFSET(gatehouse_check_request, next, 96);
    OFFSET(gatehouse_check_request, tls, 104);
    OFFSET(gatehouse_check_request, server_name, 112);
    OFFSET(gatehouse_check_request, preface, 128);
    VALUE(sizeof(gatehouse_check_request), 144);
    OFFSET(gatehouse_check_v1, size, 0);
    OFFSET(gatehouse_check_v1, start, 8);
    OFFSET(gatehouse_check_v1, stop, 16);
    VALUE(sizeof(gatehouse_check_v1), 24);

    OFFSET(gatehouse_endpoint, address, 0);
    OFFSET(gatehouse_endpoint, priority, 16);
    OFFSET(gatehouse_endpoint, weight, 18);
    VALUE(sizeof(gatehouse_endpoint), 24);
    OFFSET(gatehouse_discovery_v1, size, 0);
    OFFSET(gatehouse_discovery_v1, watch, 8);
    OFFSET(gatehouse_discovery_v1, unwatch, 16);
    VALUE(sizeof(gatehouse_discovery_v1), 24);

    OFFSET(gatehouse_command, name, 0);
    OFFSET(gatehouse_command, arguments, 16);
    OFFSET(gatehouse_command, summary, 32);
    VALUE(sizeof(gatehouse_command), 48);
    OFFSET(gatehouse_answer, size, 0);
    OFFSET(gatehouse_answer, context, 8);
    OFFSET(gatehouse_answer, columns, 16);
    OFFSET(gatehouse_answer, row, 24);
    VALUE(sizeof(gatehouse_answer), 32);
    OFFSET(gatehouse_control_v1, size, 0);
    OFFSET(gatehouse_control_v1, commands, 8);
    OFFSET(gatehouse_control_v1, command_count, 16);
    OFFSET(gatehouse_control_v1, command_stride, 24);
    OFFSET(gatehouse_control_v1, run, 32);
    VALUE(sizeof(gatehouse_control_v1), 40);
}

static void tables(void) {
    OFFSET(gatehouse_str, data, 0);
    OFFSET(gatehouse_str, size, 8);
    OFFSET(gatehouse_bytes, data, 0);
    OFFSET(gatehouse_bytes, size, 8);

    OFFSET(gatehouse_probe, size, 0);
    OFFSET(gatehouse_probe, bytes, 8);
    OFFSET(gatehouse_probe, listener, 24);
    OFFSET(gatehouse_probe, peer, 40);
    OFFSET(gatehouse_probe, server_name, 56);
    OFFSET(gatehouse_probe, protocol, 72);
    VALUE(sizeof(gatehouse_probe), 88);

    OFFSET(gatehouse_host, size, 0);
    OFFSET(gatehouse_host, abi_major, 4);
    OFFSET(gatehouse_host, abi_minor, 8);
    OFFSET(gatehouse_host, reserved, 12);
    OFFSET(gatehouse_host, read, 16);
    OFFSET(gatehouse_host, write, 24);
    OFFSET(gatehouse_host, finish, 32);
    OFFSET(gatehouse_host, set_deadline, 40);
    OFFSET(gatehouse_host, event, 48);
    OFFSET(gatehouse_host, id, 56);
    OFFSET(gatehouse_host, fact, 64);
    OFFSET(gatehouse_host, state, 72);
    OFFSET(gatehouse_host, set_state, 80);
    OFFSET(gatehouse_host, wake, 88);
    OFFSET(gatehouse_host, stopping, 96);
    OFFSET(gatehouse_host, log, 104);
    OFFSET(gatehouse_host, set_error, 112);
    OFFSET(gatehouse_host, config_string, 120);
    OFFSET(gatehouse_host, config_integer, 128);
    OFFSET(gatehouse_host, config_boolean, 136);
    OFFSET(gatehouse_host, config_duration, 144);
    OFFSET(gatehouse_host, config_size, 152);
    OFFSET(gatehouse_host, config_count, 160);
    OFFSET(gatehouse_host, config_item, 168);
    OFFSET(gatehouse_host, config_reject, 176);
    OFFSET(gatehouse_host, get_extension, 184);
    OFFSET(gatehouse_host, config_table, 192);
    VALUE(sizeof(gatehouse_host), 200);

    OFFSET(gatehouse_plugin, size, 0);
    OFFSET(gatehouse_plugin, abi_major, 4);
    OFFSET(gatehouse_plugin, needs_minor, 8);
    OFFSET(gatehouse_plugin, flags, 12);
    OFFSET(gatehouse_plugin, name, 16);
    OFFSET(gatehouse_plugin, version, 32);
    OFFSET(gatehouse_plugin, try_it, 48);
    OFFSET(gatehouse_plugin, create, 64);
    OFFSET(gatehouse_plugin, start, 72);
    OFFSET(gatehouse_plugin, serve, 80);
    OFFSET(gatehouse_plugin, closed, 88);
    OFFSET(gatehouse_plugin, stop, 96);
    OFFSET(gatehouse_plugin, destroy, 104);
    OFFSET(gatehouse_plugin, probe, 112);
    OFFSET(gatehouse_plugin, get_extension, 120);
    VALUE(sizeof(gatehouse_plugin), 128);

    OFFSET(gatehouse_upstream_v1, size, 0);
    OFFSET(gatehouse_upstream_v1, connect, 8);
    OFFSET(gatehouse_upstream_v1, close, 16);
    OFFSET(gatehouse_upstream_v1, relay, 24);
    OFFSET(gatehouse_upstream_v1, resolve, 32);
    OFFSET(gatehouse_upstream_v1, cut, 40);
    OFFSET(gatehouse_upstream_v1, tls_client, 48);
    OFFSET(gatehouse_upstream_v1, start_tls, 56);
    VALUE(sizeof(gatehouse_upstream_v1), 64);
    OFFSET(gatehouse_sendfile_v1, size, 0);
    OFFSET(gatehouse_sendfile_v1, send, 8);
    VALUE(sizeof(gatehouse_sendfile_v1), 16);
    OFFSET(gatehouse_text_file_v1, size, 0);
    OFFSET(gatehouse_text_file_v1, read, 8);
    VALUE(sizeof(gatehouse_text_file_v1), 16);
    extensions();
}

int main(void) {
    values();
    tables();
    return failures == 0 ? 0 : 1;
}
