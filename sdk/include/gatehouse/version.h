/*
 * version.h - the version of Gatehouse that these headers came with, for the preprocessor and for people.
 *
 * It tells what the C++ wrapper and the test kit can do. What a plugin needs from a host is another matter: that is the version
 * of the ABI, GATEHOUSE_NEEDS_MINOR in gatehouse.h. The build takes the project's version from here.
 */
#ifndef GATEHOUSE_VERSION_H
#define GATEHOUSE_VERSION_H

#define GATEHOUSE_SDK_MAJOR 0
#define GATEHOUSE_SDK_MINOR 1
#define GATEHOUSE_SDK_PATCH 0

/* One number, to compare: 1.2.3 is 10203. */
#define GATEHOUSE_SDK_VERSION (GATEHOUSE_SDK_MAJOR * 10000 + GATEHOUSE_SDK_MINOR * 100 + GATEHOUSE_SDK_PATCH)

/* The same as text, "1.2.3". */
#define GATEHOUSE_SDK_VERSION_TEXT GATEHOUSE_SDK_JOINED_(GATEHOUSE_SDK_MAJOR, GATEHOUSE_SDK_MINOR, GATEHOUSE_SDK_PATCH)
#define GATEHOUSE_SDK_JOINED_(major, minor, patch)                                                                             \
    GATEHOUSE_SDK_QUOTED_(major) "." GATEHOUSE_SDK_QUOTED_(minor) "." GATEHOUSE_SDK_QUOTED_(patch)
#define GATEHOUSE_SDK_QUOTED_(number) #number

#endif
