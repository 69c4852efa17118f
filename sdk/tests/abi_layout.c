/*
 * The layout of the ABI on a 64-bit machine, in numbers: a table only grows at its end, so an entry that moves is a break that
 * no version number announces. This file is compiled as C99, C11 and (abi_layout.cxx) C++17 and C++20.
 */
#include <gatehouse/ext/check.h>
#include <gatehouse/ext/control.h>
#include <gatehouse/ext/discovery.h>
#include <gatehouse/ext/host.h>
#include <gatehouse/ext/metrics.h>
#include <gatehouse/ext/poll.h>
#include <gatehouse/ext/pool.h>
#include <gatehouse/ext/schema.h>
#include <gatehouse/ext/sendfile.h>
#include <gatehouse/ext/text_file.h>
#include <gatehouse/ext/timer.h>
#include <gatehouse/ext/tls.h>
#include <gatehouse/ext/upstream.h>
#include <gatehouse/gatehouse.h>

#include <stdio.h>

static int failures = 0;

static void expect(const char* what, long long actual, long long expected) {
    if (actual == expected) return;
    printf("%s is %lld and should be %lld\n", what, actual, expected);
    ++failures;
}

#define NUMBER(name, value, minor) {#name, (long long)(name), value, minor},
#define SIZE(type, bytes, minor) {"sizeof(" #type ")", (long long)sizeof(type), bytes, minor},
#define ENTRY(type, entry, offset, minor) {"offsetof(" #type ", " #entry ")", (long long)offsetof(type, entry), offset, minor},

static const struct {
    const char* what;
    long long actual;
    long long expected;
    int minor;
} entries[] = {
#include "abi_entries.inc"
};

int main(void) {
    size_t i;
    expect("GATEHOUSE_ABI_MAJOR", GATEHOUSE_ABI_MAJOR, 0);
    expect("GATEHOUSE_ABI_MINOR", GATEHOUSE_ABI_MINOR, 3);
    expect("GATEHOUSE_ABI_OLDEST", GATEHOUSE_ABI_OLDEST, 3);
    for (i = 0; i < sizeof entries / sizeof entries[0]; ++i) {
        expect(entries[i].what, entries[i].actual, entries[i].expected);
        if (entries[i].minor > GATEHOUSE_ABI_MINOR) expect(entries[i].what, entries[i].minor, GATEHOUSE_ABI_MINOR);
    }
    return failures == 0 ? 0 : 1;
}
